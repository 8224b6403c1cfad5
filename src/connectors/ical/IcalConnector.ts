/**
 * The connector of calendars that can be read at an address (iCalendar, RFC 5545), whoever serves them.
 *
 * The address is all there is to know to read a user's calendar: it is the credential, and like one it goes to the host
 * it names and nowhere else, neither into spans nor into errors. A read is one GET, conditional where "not modified"
 * would mean that no task changed, and what it brings is a snapshot.
 */
import { createHash } from "node:crypto"
import { Clock, Effect, Redacted, Stream } from "effect"
import { FetchHttpClient, HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import { actsMax, type ConnectorError, type ConnectorShape, GrantUnsupported, TokenRejected } from "../Connector.ts"
import type { Signal } from "../Connector.ts"
import type { Credential } from "../Credential.ts"
import { type AddressRules, readAddress, redirectTarget } from "./address.ts"
import { decodeCursor, encodeCursor, validatorOf, validatorsOf } from "./cursor.ts"
import { problemOf, refused, type Reply, unavailable } from "./feedReply.ts"
import { type FeedReading, readFeed } from "./feedTasks.ts"

export interface IcalOptions extends AddressRules {
  /** For one read with all its redirects. */
  readonly timeoutMs?: number
  /** Of one feed, unpacked. */
  readonly responseMaxBytes?: number
}

const provider = "ical"

/** Hosts build the larger feeds while one waits. */
const timeoutMsDefault = 15_000

/** Ten thousand events. What is larger is an archive, and reading it would keep everybody else waiting. */
const responseMaxBytesDefault = 5 * 1024 * 1024

/** Within one host: http to https does not count among them, so one or two are usual. */
const redirectsMax = 3

const redirects = new Set([301, 302, 303, 307, 308])

export const make = (options: IcalOptions): Effect.Effect<ConnectorShape, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => {
    const get = getter(client, options)

    const read = Effect.fn("IcalConnector.fetchSignals")(
      function* (
        credential: Credential,
        since: string | null,
      ): Effect.fn.Return<ReadonlyArray<Signal>, ConnectorError> {
        const address = readAddress(Redacted.value(credential.accessToken), options)
        // The operator took the host off the list: what the user can do is connect another.
        if (address._tag !== "Address") return yield* new TokenRejected({ provider, status: null })
        const feedId = feedIdOf(address.url)
        const nowMs = yield* Clock.currentTimeMillis
        const validators = validatorsOf(decodeCursor(since), feedId, nowMs)
        const reply = yield* get(address.url, validators)
        const problem = problemOf(reply)
        if (problem !== undefined) return yield* problem
        if (reply.status === 304) {
          if (since === null || Object.keys(validators).length === 0) return yield* unavailable("incomplete", 304)
          return [{ _tag: "Position", cursor: since, isSnapshot: false }]
        }
        const reading = yield* readingOf(reply, nowMs)
        const etag = validatorOf(reply.headers["etag"])
        const lastModified = validatorOf(reply.headers["last-modified"])
        const cursor = encodeCursor({ feedId, etag, lastModified, staleAtMs: reading.staleAtMs })
        return signalsOf(reading, feedId, cursor)
      },
    )

    return {
      provider,
      grants: ["address"],
      hosts: options.hosts,
      canAct: false,
      // Feeds are of many hosts, and one that fails says nothing of the others.
      circuit: Effect.succeed({ state: "closed", retryAtMs: null }),
      beginOAuth: () => Effect.fail(unsupported),
      finishOAuth: () => Effect.fail(unsupported),
      refresh: () => Effect.fail(unsupported),
      fromToken: (token) => fromAddress(token, options),
      fetchSignals: ({ credential, since }) => Stream.fromIterableEffect(read(credential, since)),
      act: ({ acts }) =>
        acts.length > actsMax
          ? Effect.die(new Error(`more than ${actsMax} acts at once`))
          : Effect.succeed(acts.map(({ actId }) => ({ actId, outcome: "forbidden", detail: "read_only" }))),
      whereabouts: (_, taskIds) => Effect.succeed(new Map(taskIds.map((taskId) => [taskId, "unknown"]))),
      revoke: () => Effect.succeed("none"),
      readWebhook: undefined,
    } satisfies ConnectorShape
  })

const unsupported = new GrantUnsupported({ provider, detail: "a calendar is connected by its address" })

const fromAddress = Effect.fnUntraced(function* (token: Redacted.Redacted<string>, rules: AddressRules) {
  const address = readAddress(Redacted.value(token), rules)
  if (address._tag === "Malformed") return yield* new TokenRejected({ provider, status: null })
  if (address._tag === "HostNotAllowed") {
    return yield* new GrantUnsupported({ provider, detail: "calendars of this host are not offered here" })
  }
  return {
    accessToken: Redacted.make(address.url.href, { label: "ical address" }),
    refreshToken: null,
    expiresAtMs: null,
    scopes: null,
    familyId: feedIdOf(address.url),
    issuedAtMs: yield* Clock.currentTimeMillis,
  } satisfies Credential
})

/** Tells feeds apart without giving their addresses away: those hold keys nobody guesses. */
const feedIdOf = (url: URL): string =>
  createHash("sha256").update(`tipstream ical feed\n${url.href}`).digest("hex").slice(0, 32)

const readingOf = Effect.fnUntraced(
  function* ({ bytes, status }: Reply, nowMs: number): Effect.fn.Return<FeedReading, ConnectorError> {
    const steps = readFeed(bytes, nowMs)
    let step = steps.next()
    while (step.done !== true) {
      yield* Effect.yieldNow
      step = steps.next()
    }
    const outcome = step.value
    switch (outcome._tag) {
      case "Read":
        return outcome
      case "CutOff":
        return yield* unavailable("incomplete", status)
      case "NoCalendar":
        return yield* unavailable("malformed", status)
      case "TooLarge":
        return yield* refused(status, "too many events")
      case "Unreadable":
        return yield* refused(status, "unreadable items")
    }
  },
)

const signalsOf = (reading: FeedReading, accountId: string, cursor: string): ReadonlyArray<Signal> => [
  { _tag: "Account", accountId, timeZone: reading.timeZone },
  ...reading.tasks.map((observation): Signal => ({ _tag: "Task", observation })),
  ...reading.quarantined.map((taskId): Signal => ({ _tag: "Quarantined", taskId })),
  { _tag: "Position", cursor, isSnapshot: true },
]

/** One GET with its whole reply, bounded in time, size and redirects. */
const getter = (client: HttpClient.HttpClient, options: IcalOptions) => {
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault
  const bytesMax = options.responseMaxBytes ?? responseMaxBytesDefault

  return Effect.fnUntraced(
    function* (address: URL, validators: Readonly<Record<string, string>>) {
      let url = address
      for (let hops = 0; hops <= redirectsMax; hops += 1) {
        const response = yield* HttpClientRequest.get(url).pipe(
          HttpClientRequest.setHeaders({ accept: "text/calendar, */*;q=0.1", ...validators }),
          client.execute,
        )
        const { headers, status } = response
        // That of a redirect is read too: left alone it would hold the connection.
        const bytes = yield* boundedBytes(response.stream, status, bytesMax)
        if (!redirects.has(status)) return { status, headers, bytes } satisfies Reply
        const target = redirectTarget(url, headers["location"])
        if (target === undefined) return yield* refused(status, "redirect")
        url = target
      }
      return yield* refused(302, "too many redirects")
    },
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    // The client would put the address, which is the credential, on a span and into the trace of its errors.
    Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
    Effect.catchTag("HttpClientError", () => Effect.fail(unavailable("connection"))),
    Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => Effect.fail(unavailable("timeout")) }),
  )
}

const boundedBytes = (
  body: Stream.Stream<Uint8Array, HttpClientError.HttpClientError>,
  status: number,
  bytesMax: number,
): Effect.Effect<Uint8Array, HttpClientError.HttpClientError | ConnectorError> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let length = 0
    return Stream.runForEach(body, (chunk) => {
      length += chunk.byteLength
      // Asking again would bring the same feed, so it counts as refused, not as unavailable.
      if (length > bytesMax) return Effect.fail(refused(status, "response too large"))
      chunks.push(chunk)
      return Effect.void
    }).pipe(
      // A reply without a body is an empty one: what its status means does not hang on it.
      Effect.catchIf((error) => error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError", () =>
        Effect.void),
      Effect.map(() =>
        new Uint8Array(Buffer.concat(chunks))
      ),
    )
  })
