/**
 * Todoist as a connector, over its API v1.
 *
 * A write is sent with the same ids until one answer came; that makes safe what callers repeat, and also what no code
 * here asks for: Deno's `fetch` sends a POST again when a kept-alive connection dies.
 */
import { Clock, Effect, type Scope, Stream } from "effect"
import type { HttpClient } from "effect/http"
import type { AccountPace } from "../AccountPace.ts"
import type { ActRequest, ConnectorShape } from "../Connector.ts"
import * as HostCircuit from "../HostCircuit.ts"
import { actOutcomes } from "./actOutcomes.ts"
import { actScope, type App, oauth } from "./oauth.ts"
import { makeReads } from "./reads.ts"
import { signals } from "./readReply.ts"
import { provider } from "./refusal.ts"
import { actRequest } from "./syncRequest.ts"
import { makeApi, type TodoistApi } from "./TodoistApi.ts"
import { sender } from "./todoistHttp.ts"
import { readWebhook } from "./webhook.ts"
import { makeWhereabouts } from "./whereabouts.ts"

export interface TodoistOptions {
  /** Without a path. */
  readonly baseUrl: string
  /** Where users' browsers are sent. */
  readonly authorizeUrl?: string
  /** Where codes are traded; by default below `baseUrl`, where the documentation has it. */
  readonly tokenUrl?: string
  /** Without one, users paste personal tokens, and there are no webhooks. */
  readonly client: App | undefined
  /** For one request with its whole reply. */
  readonly timeoutMs?: number
  /** Of one reply, unpacked. */
  readonly responseMaxBytes?: number
}

const authorizeUrlDefault = "https://app.todoist.com/oauth/authorize"

/** Todoist gives up on a sync after 15 s itself. */
const timeoutMsDefault = 15_000

/** An account of 5,000 tasks is some 3 MB; this holds ten times that, and a few at once still fit a small machine. */
const responseMaxBytesDefault = 32 * 1024 * 1024

/** Tasks made at once while a reader that keeps up takes them; one that does not finds the rest unmade. */
const chunkSize = 100

export const make = Effect.fnUntraced(function* (
  options: TodoistOptions,
): Effect.fn.Return<ConnectorShape, never, HttpClient.HttpClient | AccountPace | Scope.Scope> {
  const { client: app } = options
  const baseUrl = options.baseUrl.replace(/\/+$/, "")
  const circuit = yield* HostCircuit.make(provider)
  const send = yield* sender({
    timeoutMs: options.timeoutMs ?? timeoutMsDefault,
    responseMaxBytes: options.responseMaxBytes ?? responseMaxBytesDefault,
  })
  const api = makeApi(baseUrl, send, circuit)
  const read = yield* makeReads(api)
  const places = {
    authorizeUrl: options.authorizeUrl ?? authorizeUrlDefault,
    tokenUrl: options.tokenUrl ?? `${baseUrl}/oauth/access_token`,
    revokeUrl: `${baseUrl}/api/v1/revoke`,
  }

  return {
    provider,
    grants: app === undefined ? ["token"] : ["oauth", "token"],
    canAct: true,
    actScope,
    circuit: circuit.state,
    ...oauth(app, places, send, circuit),
    fetchSignals: (request) =>
      Stream.unwrap(Effect.map(read(request), (reading) => Stream.fromIterable(signals(reading), { chunkSize }))),
    act: actor(api),
    whereabouts: makeWhereabouts(api),
    readWebhook: (headers, body) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (nowMs) => Effect.fromResult(readWebhook(app?.secret, headers, body, nowMs)),
      ),
  }
})

const actor = (api: TodoistApi): ConnectorShape["act"] =>
  Effect.fn("Connector.act")(function* ({ credential, acts }: ActRequest) {
    const { scopes } = credential
    if (acts.length === 0) return []
    if (scopes !== null && !scopes.includes(actScope)) {
      return acts.map(({ actId }) => ({ actId, outcome: "forbidden", detail: "scope" } as const))
    }
    return yield* api.call(
      credential,
      { path: "/api/v1/sync", form: actRequest(acts) },
      (raw) => Effect.fromResult(actOutcomes(acts, raw)),
    )
  })
