/**
 * A client that keeps cookies, for tests that look at every header. Each request has a connection of its own: a client
 * that reuses one may send a POST again when it closes, and the test would count two.
 */
import http from "node:http"

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  /** The body, which must be JSON, as what the test knows it to be. */
  readonly json: <A>() => A
  /** Of a problem document. */
  readonly code: string | undefined
}

export interface RequestOptions {
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is; in two chunks without a content-length when it is an array. */
  readonly body?: string | ReadonlyArray<string>
  readonly headers?: Readonly<Record<string, string>>
}

export interface Client {
  readonly url: string
  /** By name. */
  readonly cookies: Map<string, string>
  readonly call: (method: string, path: string, options?: RequestOptions) => Promise<Answer>
}

/** An answer that takes longer will not come. */
const answerWithinMs = 30_000

export const clientOf = (url: string, cookies: Client["cookies"] = new Map()): Client => {
  const call: Client["call"] = (method, path, options = {}) =>
    new Promise((resolve, reject) => {
      const body = options.json === undefined ? options.body : JSON.stringify(options.json)
      const request = http.request(new URL(url), {
        method,
        path,
        agent: false,
        timeout: answerWithinMs,
        headers: {
          ...(options.json === undefined ? {} : { "content-type": "application/json" }),
          ...(typeof body === "string" ? { "content-length": String(Buffer.byteLength(body)) } : {}),
          ...(cookies.size === 0 ? {} : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") }),
          ...options.headers,
        },
      }, (response) => {
        keepCookies(cookies, response.headers["set-cookie"] ?? [])
        read(response).then(resolve, reject)
      })
      request.on("timeout", () => request.destroy(new Error(`no answer within ${answerWithinMs} ms`)))
      request.on("error", reject)
      for (const chunk of typeof body === "string" ? [body] : body ?? []) request.write(chunk)
      request.end()
    })
  return { url, cookies, call }
}

const read = async (response: http.IncomingMessage): Promise<Answer> => {
  let text = ""
  for await (const chunk of response.setEncoding("utf8")) text += chunk
  const isProblem = response.headers["content-type"]?.startsWith("application/problem+json") === true
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: () => JSON.parse(text),
    code: isProblem ? JSON.parse(text).code : undefined,
  }
}

const keepCookies = (cookies: Client["cookies"], lines: ReadonlyArray<string>): void => {
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === "" || /;\s*max-age=0\b/i.test(line)) cookies.delete(name)
    else cookies.set(name, value)
  }
}
