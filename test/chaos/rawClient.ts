/** Speaks to the broker without a client library, which would refuse to send what a stranger may send. */
import net from "node:net"

export interface RawMessage {
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

/** Completes when the server has read all of it: it answered a ping that came after. */
export const publishRaw = (port: number, messages: ReadonlyArray<RawMessage>): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1")
    let said = ""
    socket.on("data", (bytes) => {
      said += bytes.toString("utf8")
      if (said.includes("PONG")) resolve(void socket.end())
      if (said.includes("-ERR")) reject(new Error(`the broker said ${said}`))
    })
    socket.on("error", reject)
    socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true,"lang":"chaos","version":"0"}\r\n')
    for (const { subject, headers, payload } of messages) {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("")
      const head = `NATS/1.0\r\n${lines}\r\n`
      socket.write(`HPUB ${subject} ${head.length} ${head.length + payload.length}\r\n${head}`)
      socket.write(payload)
      socket.write("\r\n")
    }
    socket.write("PING\r\n")
  })
