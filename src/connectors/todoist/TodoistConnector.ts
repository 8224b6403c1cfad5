/**
 * The `Connector` of Todoist, over its API v1.
 *
 * A call makes one request. It makes a second when everything has to be read (the sync token is no longer known, or a
 * change of a project or of the user's zone moves tasks the reply does not hold), and a third when that snapshot was
 * made more than a minute before it was sent. Acts ride on every request until one has answered; their ids make that
 * safe, and also what no code here asks for: Deno's `fetch` sends a POST again when a kept-alive connection dies.
 *
 * The token goes into the `Authorization` header and nowhere else: headers and bodies are not recorded on spans, errors
 * of the HTTP client stay inside, and redirects are not followed, so that no other host is ever shown it.
 */
import { Effect, Layer, Redacted, Stream } from "effect"
import { FetchHttpClient, HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import { Connector, type ConnectorError, ProviderRefused, ProviderUnavailable, TokenRejected } from "../Connector.ts"
import type { Act, SyncRequest, SyncResult } from "../Connector.ts"
import { actOutcomes } from "./actOutcomes.ts"
import { decodeCursor, encodeCursor } from "./cursor.ts"
import { caughtUp, observations, type Reading, readReply } from "./readReply.ts"
import { everything, syncRequest, type WireRequest } from "./syncRequest.ts"
import { processSyncResponse, type RawReply, type Reply } from "./syncResponse.ts"

export interface TodoistOptions {
  /** Without a path: `https://api.todoist.com`. */
  readonly baseUrl: string
  /** For one request with its whole reply. */
  readonly timeoutMs?: number
  /** Of one reply, unpacked. */
  readonly responseMaxBytes?: number
}

const provider = "todoist"

/** Todoist gives up on a sync after 15 s itself. */
const timeoutMsDefault = 15_000

/** An account of 5,000 tasks is some 3 MB; this holds ten times that, and a few at once still fit a small machine. */
const responseMaxBytesDefault = 32 * 1024 * 1024

/** Todoist advises to read on at once when a snapshot is "far" from now; normally it is sent within a second. */
const snapshotAgeMaxMs = 60_000

/** What a header can carry. Anything else would make `fetch` throw, with the token in its message. */
const sendableToken = /^[\x21-\x7e]{1,512}$/

export const layer = (options: TodoistOptions): Layer.Layer<Connector, never, HttpClient.HttpClient> =>
  Layer.effect(
    Connector,
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const post = poster(client, options)

      const exchange = Effect.fnUntraced(
        function* (token: Redacted.Redacted<string>, syncToken: string, acts: ReadonlyArray<Act>) {
          const processed = processSyncResponse(yield* post(token, syncRequest(syncToken, acts)), syncToken)
          return processed._tag === "Failed" ? yield* processed.error : processed
        },
      )

      const readEverything = Effect.fnUntraced(
        function* (token: Redacted.Redacted<string>, acts: ReadonlyArray<Act>) {
          const reply = yield* exchange(token, everything, acts)
          // A reply to `*` has no token to refuse; `processSyncResponse` says so in words, not in types.
          return reply._tag === "Reply" ? reply : yield* refused("sync token")
        },
      )

      const catchUp = Effect.fnUntraced(function* (token: Redacted.Redacted<string>, snapshot: Reading) {
        if (!snapshot.isSnapshot || snapshot.ageMs <= snapshotAgeMaxMs) return snapshot
        // The snapshot holds without it. Failing would have the caller ask for another full read, the scarcest kind.
        return yield* exchange(token, snapshot.cursor.syncToken, []).pipe(
          Effect.map((reply) => reply._tag === "Reply" ? caughtUp(snapshot, reply) : snapshot),
          Effect.catch(() => Effect.succeed(snapshot)),
        )
      })

      const sync = Effect.fn("Connector.sync")(function* ({ token, cursor, acts }: SyncRequest) {
        const known = decodeCursor(cursor)
        const first = yield* exchange(token, known?.syncToken ?? everything, acts)
        const reply = first._tag === "Reply" ? first : yield* readEverything(token, acts)
        const outcome = readReply(known, reply)
        const read = outcome._tag === "ReadEverything" ? readReply(known, yield* readEverything(token, [])) : outcome
        if (read._tag !== "Read") return yield* refused("unreadable items")
        return toResult(yield* catchUp(token, read.reading), acts, reply)
      })

      return Connector.of({ provider, sync })
    }),
  )

const refused = (tag: string) => new ProviderRefused({ provider, status: 200, tag })

const toResult = (reading: Reading, acts: ReadonlyArray<Act>, reply: Reply): SyncResult => ({
  cursor: encodeCursor(reading.cursor),
  isSnapshot: reading.isSnapshot,
  tasks: observations(reading),
  acted: actOutcomes(acts, reply.commandStatus),
  timeZone: reading.account.timeZone,
  quarantined: reading.quarantined,
})

const unavailable = (reason: ProviderUnavailable["reason"]) =>
  new ProviderUnavailable({ provider, reason, status: null, retryAfterMs: null })

/** One request with its whole reply, whatever its status: bounded in time and size. */
const poster = (client: HttpClient.HttpClient, options: TodoistOptions) => {
  const baseUrl = options.baseUrl.replace(/\/+$/, "")
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault
  const bytesMax = options.responseMaxBytes ?? responseMaxBytesDefault

  return Effect.fnUntraced(
    function* (token: Redacted.Redacted<string>, wire: WireRequest) {
      if (!sendableToken.test(Redacted.value(token))) return yield* new TokenRejected({ provider, status: null })
      const response = yield* HttpClientRequest.post(baseUrl + wire.path).pipe(
        HttpClientRequest.bearerToken(token),
        HttpClientRequest.setHeader("accept", "application/json"),
        HttpClientRequest.bodyText(wire.body, wire.contentType),
        client.execute,
      )
      const text = yield* boundedText(response.stream, response.status, bytesMax)
      return { status: response.status, headers: response.headers, text } satisfies RawReply
    },
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    Effect.catchTag("HttpClientError", () => Effect.fail(unavailable("connection"))),
    Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => Effect.fail(unavailable("timeout")) }),
  )
}

const boundedText = (
  body: Stream.Stream<Uint8Array, HttpClientError.HttpClientError>,
  status: number,
  bytesMax: number,
): Effect.Effect<string, HttpClientError.HttpClientError | ConnectorError> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let bytes = 0
    let text = ""
    return Stream.runForEach(body, (chunk) => {
      bytes += chunk.byteLength
      // Sending the request again would bring the same reply, so it counts as refused, not as unavailable.
      if (bytes > bytesMax) return Effect.fail(new ProviderRefused({ provider, status, tag: "response too large" }))
      text += decoder.decode(chunk, { stream: true })
      return Effect.void
    }).pipe(
      // A reply without a body is an empty text: what its status means does not hang on it.
      Effect.catchIf((error) => error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError", () =>
        Effect.void),
      Effect.map(() =>
        text + decoder.decode()
      ),
    )
  })
