/** A listener that greets like a nats-server of some version, and answers little else: to be connected to. */
import net from "node:net"

export interface Greeter {
  readonly url: string
  /** Connections so far. */
  readonly count: () => number
  /** Ends all connections; from now on each one ends as soon as it stands. */
  readonly hangUp: () => void
  readonly close: () => Promise<void>
}

export const startGreeter = async (version: string): Promise<Greeter> => {
  let count = 0
  let hangsUp = false
  const sockets = new Set<net.Socket>()
  const end = () => {
    for (const socket of sockets) socket.destroy()
  }
  const server = net.createServer((socket) => {
    count++
    sockets.add(socket)
    socket.on("error", () => {}).on("close", () => sockets.delete(socket))
    const info = { server_id: "X", version, proto: 1, headers: true, max_payload: 1_048_576 }
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
    socket.on("data", (data) => {
      const text = data.toString()
      // The first question of a client that wants JetStream, to its first subscription.
      const [, inbox] = /PUB \$JS\.API\.INFO (\S+)/.exec(text) ?? []
      if (inbox !== undefined) socket.write(`MSG ${inbox} 1 2\r\n{}\r\n`)
      if (text.includes("PING")) socket.write("PONG\r\n", () => hangsUp && socket.destroy())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `nats://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    count: () => count,
    hangUp: () => {
      hangsUp = true
      end()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        end()
      }),
  }
}
