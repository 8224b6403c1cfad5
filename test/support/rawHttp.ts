/** Bytes straight onto a connection, for requests no client would make. */
import net from "node:net"

/** Everything the server answers until it closes; it is asked to, so give `connection: close` where that counts. */
export const rawExchange = (url: string, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    let answer = ""
    const socket = net.connect(Number(port), hostname, () => socket.write(bytes))
    socket.setEncoding("utf8").on("data", (chunk: string) => answer += chunk)
    // A server that refuses halfway resets the connection; what it said before counts.
    socket.on("error", (error) => answer === "" ? reject(error) : resolve(answer))
    socket.on("close", () => resolve(answer))
  })

export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
