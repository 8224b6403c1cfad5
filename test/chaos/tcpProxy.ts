/** A line to a server that can be cut, slowed, and made one-way, while both ends believe that it is whole. */
import net from "node:net"

/** `drop-answers` loses only what the server says; the connection stays open, as in `drop`. */
export type Weather = "clear" | "drop" | "drop-answers" | "delay"

export interface TcpProxy {
  readonly port: number
  readonly set: (weather: Weather) => void
  /** Resets every open connection. */
  readonly reset: () => void
  /** Connections that were made, over all. */
  readonly accepted: () => number
  readonly close: () => Promise<void>
}

const delayMs = 200

export const startProxy = (targetPort: number): Promise<TcpProxy> => {
  let weather: Weather = "clear"
  let accepted = 0
  const sockets = new Set<net.Socket>()
  const forward = (from: net.Socket, to: net.Socket, isAnswer: boolean) => {
    from.on("data", (bytes) => {
      if (weather === "drop" || (weather === "drop-answers" && isAnswer)) return
      if (weather !== "delay") return void to.write(bytes)
      setTimeout(() => to.write(bytes), delayMs)
    })
    from.on("error", () => {})
    from.on("close", () => (sockets.delete(from), to.destroy()))
  }
  const server = net.createServer((client) => {
    accepted++
    const upstream = net.connect(targetPort, "127.0.0.1")
    for (const socket of [client, upstream]) sockets.add(socket)
    forward(client, upstream, false)
    forward(upstream, client, true)
  })
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () =>
      resolve({
        port: (server.address() as net.AddressInfo).port,
        set: (next) => void (weather = next),
        reset: () => {
          for (const socket of sockets) socket.resetAndDestroy()
        },
        accepted: () => accepted,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            for (const socket of sockets) socket.destroy()
          }),
      }))
  )
}
