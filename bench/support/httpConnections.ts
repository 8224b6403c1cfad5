/**
 * A fixed number of keep-alive connections to one server, each with at most one request in flight.
 */
import net from "node:net"
import { replyReader } from "./httpReply.ts"

export interface Connection {
  /** Sends bytes and reports the reply, or why there was none. Only when nothing is in flight. */
  readonly send: (request: Uint8Array, done: (outcome: Outcome) => void) => void
  readonly close: () => void
}

/** A status, or why there was none. */
export type Outcome = { readonly status: number } | { readonly failure: string }

/** Opens one connection; rejects when the server does not take it. It reconnects by itself after one that ended. */
export async function connect(host: string, port: number): Promise<Connection> {
  let waiting: ((outcome: Outcome) => void) | undefined
  let socket: net.Socket | undefined
  let closed = false

  const settle = (outcome: Outcome) => {
    const done = waiting
    waiting = undefined
    done?.(outcome)
  }
  const attach = (fresh: net.Socket) => {
    const read = replyReader()
    const lost = (failure: string) => {
      if (socket === fresh) socket = undefined
      fresh.destroy()
      settle({ failure })
    }
    fresh.setNoDelay(true)
    fresh.on("data", (chunk: Buffer) => {
      try {
        const reply = read(chunk)
        if (reply === undefined) return
        if (reply.closes) {
          socket = undefined
          fresh.destroy()
        }
        settle({ status: reply.status })
      } catch (error) {
        lost((error as Error).message)
      }
    })
    fresh.on("error", (error) => socket === fresh && lost(error.message))
    fresh.on("close", () => socket === fresh && lost("the server closed the connection"))
    socket = fresh
  }

  attach(await opened(host, port))
  return {
    send: (request, done) => {
      waiting = done
      if (socket !== undefined) {
        socket.write(request)
        return
      }
      opened(host, port).then((fresh) => {
        if (closed) return void fresh.destroy()
        attach(fresh)
        fresh.write(request)
      }, (error: Error) => settle({ failure: error.message }))
    },
    close: () => {
      closed = true
      waiting = undefined
      socket?.destroy()
    },
  }
}

function opened(host: string, port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, host)
    socket.once("error", reject)
    socket.once("connect", () => {
      socket.off("error", reject)
      resolve(socket)
    })
  })
}
