/** The HTTP border: one server on the loopback interface in front of `/api/v1`, `/_sim/` and the page. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { answerApi, type HttpRequest } from "./api.ts"
import { apiRoutes } from "./apiRoutes.ts"
import { type ApiError, internalError, isApiError, pathNotFound, stamped } from "./apiError.ts"
import { readFields } from "./httpBody.ts"
import { answerOAuth } from "./oauth/oauthRoutes.ts"
import { answerPage } from "./page.ts"
import { nextEventId } from "./random.ts"
import { failure, json, type Reply } from "./reply.ts"
import { answerSim } from "./simRoutes.ts"
import type { World } from "./world.ts"

/** Todoist's limit for request headers. */
const headersMaxBytes = 65 * 1024
/** A client that has not sent its request by then is gone. */
const requestTimeoutMs = 30_000

export const loopback = "127.0.0.1"

type Listening = { readonly port: number; readonly close: () => Promise<void> }

/** Names under which a browser on this machine reaches us; any other means a rebound DNS name. */
const isOwnHost = (host: string | undefined): boolean =>
  host === undefined || /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)

const refusal = (world: World, error: ApiError): Reply => failure(stamped(error, nextEventId(world.faults.random)))

const answer = async (world: World, message: IncomingMessage): Promise<Reply> => {
  const method = message.method ?? "GET"
  const url = URL.parse(message.url ?? "/", "http://simulator")
  if (url === null) return refusal(world, pathNotFound())
  const isApi = url.pathname.startsWith("/api/")
  const isOAuth = url.pathname.startsWith("/oauth/")
  // Controls are JSON whatever the content type says, because `curl -d` calls everything a form.
  const fields = await readFields(message, isApi || isOAuth)
  if (isApiError(fields)) return refusal(world, fields)
  const headers = message.headers as HttpRequest["headers"]
  const request: HttpRequest = { method, url, headers, fields, nowMs: world.clock() }
  if (isApi || url.pathname === "/oauth/access_token") {
    const reply = answerOAuth(world, request)
    if (reply !== undefined) return reply
  }
  if (isApi) return answerApi(world, apiRoutes, request)
  if (!isOwnHost(headers["host"])) return json(403, { error: "only reachable as localhost" })
  if (isOAuth) return answerOAuth(world, request) ?? json(404, { error: "not found" })
  if (url.pathname.startsWith("/_sim/")) return answerSim(world, request)
  if (url.pathname === "/" && method === "GET") return answerPage(world, request.nowMs)
  return json(404, { error: "not found" })
}

/** Resolves when the time has passed or the connection has closed, whichever is first. */
const held = (response: ServerResponse, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs)
    response.once("close", () => {
      clearTimeout(timer)
      resolve()
    })
  })

const send = async (message: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> => {
  if (reply.delayMs !== undefined) await held(response, reply.delayMs)
  if (reply.reset === true) {
    message.socket.destroy()
    return
  }
  const length = reply.status === 204 ? {} : { "content-length": String(Buffer.byteLength(reply.body)) }
  response.writeHead(reply.status, { ...reply.headers, ...length })
  response.end(reply.body)
}

const serve = async (world: World, message: IncomingMessage, response: ServerResponse): Promise<void> => {
  try {
    await send(message, response, await answer(world, message))
  } catch (cause) {
    // An interrupted request has nobody left to answer; anything else is a mistake of ours and should be seen.
    if (!message.complete || response.headersSent) return void message.socket.destroy()
    world.warn(`the simulator failed on ${message.method} request: ${cause instanceof Error ? cause.stack : cause}`)
    await send(message, response, refusal(world, internalError()))
  }
}

/** Rejects with the system's error (`EADDRINUSE`, `EACCES`) when it cannot listen. Port 0 takes any free one. */
export const listen = (world: World, port: number): Promise<Listening> =>
  new Promise((resolve, reject) => {
    const server = createServer(
      { maxHeaderSize: headersMaxBytes, requestTimeout: requestTimeoutMs },
      (message, response) => void serve(world, message, response),
    )
    server.once("error", reject)
    server.listen(port, loopback, () => {
      const address = server.address()
      resolve({
        port: typeof address === "object" && address !== null ? address.port : port,
        close: () => closed(server),
      })
    })
  })

/** Cuts idle and busy connections alike: a held reply would keep the process for its whole delay. */
const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
