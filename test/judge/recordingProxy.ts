/** Stands between a client and the simulator, keeps every exchange, and may rewrite replies on their way back. */
import http from "node:http"

export interface Exchange {
  readonly method: string
  readonly url: URL
  /** As it was sent. */
  readonly requestBody: string
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** As the simulator sent it. */
  readonly body: string
}

/** The body that goes on to the client instead. */
export type Rewrite = (exchange: Exchange) => string

export interface RecordingProxy {
  readonly url: string
  readonly exchanges: Array<Exchange>
  /** Null hands everything on as it is. */
  readonly rewriteWith: (rewrite: Rewrite | null) => void
  readonly close: () => Promise<void>
}

const read = async (from: http.IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of from) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** On a connection of its own, so that a lost answer is lost and not asked for again. */
const forward = (target: string, message: http.IncomingMessage, requestBody: string): Promise<Exchange> =>
  new Promise((resolve, reject) => {
    const url = new URL(message.url ?? "/", target)
    const headers = { ...message.headers, host: url.host }
    const request = http.request(url, { method: message.method, headers, agent: false }, (response) => {
      read(response).then((body) => {
        const { statusCode: status = 0, headers } = response
        resolve({ method: message.method ?? "GET", url, requestBody, status, headers, body })
      }, reject)
    })
    request.on("error", reject).end(requestBody)
  })

export const startProxy = (target: string): Promise<RecordingProxy> => {
  const exchanges: Array<Exchange> = []
  let rewrite: Rewrite | null = null
  const server = http.createServer(async (message, response) => {
    try {
      const exchange = await forward(target, message, await read(message))
      exchanges.push(exchange)
      const body = rewrite === null ? exchange.body : rewrite(exchange)
      const { "content-length": _, ...headers } = exchange.headers
      const length = exchange.status === 204 ? {} : { "content-length": Buffer.byteLength(body) }
      response.writeHead(exchange.status, { ...headers, ...length }).end(body)
    } catch {
      // The simulator cut the line, so the client's is cut as well.
      message.socket.destroy()
    }
  })
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resolve({
        url: `http://127.0.0.1:${port}`,
        exchanges,
        rewriteWith: (given) => {
          rewrite = given
        },
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          }),
      })
    })
  )
}
