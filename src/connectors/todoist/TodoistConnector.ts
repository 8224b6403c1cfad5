/**
 * Todoist as a connector, over its API v1.
 *
 * A write is sent with the same ids until one answer came; that makes safe what callers repeat, and also what no code
 * here asks for: Deno's `fetch` sends a POST again when a kept-alive connection dies.
 */
import { Effect, type Redacted, Stream } from "effect"
import { type ActRequest, type ConnectorShape, type FetchRequest, GrantUnsupported } from "../Connector.ts"
import * as HostCircuit from "../HostCircuit.ts"
import { actOutcomes } from "./actOutcomes.ts"
import { makeReads } from "./reads.ts"
import { signals } from "./readReply.ts"
import { provider } from "./refusal.ts"
import { actRequest } from "./syncRequest.ts"
import { makeApi } from "./TodoistApi.ts"
import { sender } from "./todoistHttp.ts"

export interface TodoistOptions {
  /** Without a path. */
  readonly baseUrl: string
  readonly authorizeUrl?: string
  readonly tokenUrl?: string
  /** Of the app the operator registered; without both, users paste personal tokens. */
  readonly clientId: string | undefined
  /** Signs the webhooks, too. */
  readonly clientSecret: Redacted.Redacted<string> | undefined
  /** For one request with its whole reply. */
  readonly timeoutMs?: number
  /** Of one reply, unpacked. */
  readonly responseMaxBytes?: number
}

/** Todoist gives up on a sync after 15 s itself. */
const timeoutMsDefault = 15_000

/** An account of 5,000 tasks is some 3 MB; this holds ten times that, and a few at once still fit a small machine. */
const responseMaxBytesDefault = 32 * 1024 * 1024

/** Tasks made at once while a reader that keeps up takes them; one that does not finds the rest unmade. */
const chunkSize = 100

export const make = Effect.fnUntraced(function* (options: TodoistOptions) {
  const circuit = yield* HostCircuit.make(provider)
  const send = yield* sender({
    timeoutMs: options.timeoutMs ?? timeoutMsDefault,
    responseMaxBytes: options.responseMaxBytes ?? responseMaxBytesDefault,
  })
  const api = makeApi(options.baseUrl.replace(/\/+$/, ""), send, circuit)
  const read = yield* makeReads(api)
  const notYet = () => Effect.fail(new GrantUnsupported({ provider, detail: "only a personal token connects it" }))

  const act = Effect.fn("Connector.act")(function* ({ credential, acts }: ActRequest) {
    return yield* api.call(
      credential,
      { path: "/api/v1/sync", form: actRequest(acts) },
      (raw) => Effect.fromResult(actOutcomes(acts, raw)),
    )
  })

  return {
    provider,
    grants: ["token"],
    canAct: true,
    circuit: circuit.state,
    beginOAuth: notYet,
    finishOAuth: notYet,
    fromToken: notYet,
    refresh: notYet,
    fetchSignals: (request: FetchRequest) =>
      Stream.unwrap(Effect.map(read(request), (reading) => Stream.fromIterable(signals(reading), { chunkSize }))),
    act,
    whereabouts: () => Effect.succeed(new Map()),
    revoke: () => Effect.void,
    readWebhook: undefined,
  } satisfies ConnectorShape as ConnectorShape
})
