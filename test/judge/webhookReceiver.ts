/** An app's end of the webhooks: keeps what arrives, to the byte, and answers with the status it is told to. */
import http from "node:http"
import { eventually } from "../support/eventually.ts"

export interface Received {
  readonly method: string
  readonly headers: http.IncomingHttpHeaders
  readonly raw: Buffer
}

export interface WebhookReceiver {
  readonly url: string
  readonly received: Array<Received>
  /** One each for the next deliveries; 200 when there is none. */
  readonly statuses: Array<number>
  /** Resolves when that many have arrived since the receiver was cleared. */
  readonly arrived: (count: number) => Promise<ReadonlyArray<Received>>
  readonly close: () => Promise<void>
}

export const startReceiver = (): Promise<WebhookReceiver> => {
  const received: Array<Received> = []
  const statuses: Array<number> = []
  const server = http.createServer(async (message, response) => {
    const chunks: Array<Buffer> = []
    for await (const chunk of message) chunks.push(chunk as Buffer)
    received.push({ method: message.method ?? "", headers: message.headers, raw: Buffer.concat(chunks) })
    response.writeHead(statuses.shift() ?? 200).end()
  })
  const arrived = (count: number) =>
    eventually(`${count} webhooks`, () => Promise.resolve(received.length >= count ? [...received] : undefined))
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resolve({
        url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/webhooks`,
        received,
        statuses,
        arrived,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          }),
      })
    })
  )
}
