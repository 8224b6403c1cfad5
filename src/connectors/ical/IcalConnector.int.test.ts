import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type Behaviour, suite } from "../connector.contract.ts"
import type { Signal } from "../Connector.ts"
import { eventOf, feedOf, google, nowMs } from "./feed.fixture.ts"
import { type IcalOptions, make } from "./IcalConnector.ts"

type Responder = (response: ServerResponse, request: IncomingMessage) => void

const secret = "s3cret-key-0123456789"

const send =
  (status: number, body: string | Uint8Array = "", headers: Record<string, string> = {}): Responder => (response) => {
    response.writeHead(status, { "content-type": "text/calendar; charset=utf-8", ...headers })
    response.end(body)
  }

const calendar = (body: Uint8Array = google(), headers?: Record<string, string>) => send(200, body, headers)

/** A server that answers the n-th request with the n-th responder, and from then on with the last. */
const serve = Effect.fnUntraced(function* (...responders: Array<Responder>) {
  const received: Array<IncomingMessage> = []
  const server = createServer((request, response) => {
    received.push(request)
    request.resume().on("error", () => {})
    responders[Math.min(received.length, responders.length) - 1]?.(response, request)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
  )
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { received, responders, origin, address: `${origin}/ical/${secret}/basic.ics` }
})

const connect = Effect.fnUntraced(function* (address: string, options: Partial<IcalOptions> = {}) {
  const connector = yield* make({ hosts: [], allowLoopback: true, ...options }).pipe(
    Effect.provide(FetchHttpClient.layer),
  )
  const credential = yield* Effect.orDie(connector.fromToken(Redacted.make(address)))
  const read = (since: string | null = null) => Stream.runCollect(connector.fetchSignals({ credential, since }))
  return { connector, credential, read }
})

/** What fails, when the host behaves like this. */
const failure = (responder: Responder, options?: Partial<IcalOptions>) =>
  Effect.gen(function* () {
    const { address } = yield* serve(responder)
    return yield* Effect.flip((yield* connect(address, options)).read())
  })

const positionOf = (signals: ReadonlyArray<Signal>) => {
  const last = signals.at(-1)
  if (last?._tag !== "Position") throw new Error("no position")
  return last
}

const titlesOf = (signals: ReadonlyArray<Signal>) =>
  signals.flatMap((signal) => signal._tag === "Task" ? [signal.observation.task.title] : [])

const cutOff: Responder = (response) => {
  response.writeHead(200, { "content-type": "text/calendar", "content-length": "100000" })
  response.write(google().subarray(0, 900), () => response.destroy())
}

// The suite runs by the wall clock, so its events are always to come.
const always = feedOf(
  eventOf("DTSTART:20260101T080000Z", "DTEND:20260101T090000Z", "RRULE:FREQ=DAILY", "SUMMARY:Call the bank"),
  "BEGIN:VTODO\nUID:todo\nSUMMARY:Canary taxes\nEND:VTODO",
)

const behaviours: Readonly<Record<Behaviour, Responder>> = {
  well: calendar(always, { etag: `"1"` }),
  unauthorized: send(404, "Canary taxes"),
  limited: send(429, "Canary taxes", { "retry-after": "7" }),
  failing: send(503, "Canary taxes"),
  html: send(200, "<html>Canary taxes</html>", { "content-type": "text/html" }),
  "cut-off": cutOff,
  silent: () => {},
}

suite(
  "ical contract",
  Effect.gen(function* () {
    const server = yield* serve()
    let asked = yield* Deferred.make<void>()
    const behave = (behaviour: Behaviour) =>
      Effect.gen(function* () {
        asked = yield* Deferred.make<void>()
        server.responders.splice(0, Infinity, (response, request) => {
          Deferred.doneUnsafe(asked, Effect.void)
          behaviours[behaviour](response, request)
        })
      })
    yield* behave("well")
    const { connector, credential } = yield* connect(server.address)
    const canaries = [secret, "Call the bank", "Canary taxes"]
    return { connector, credential, behave, asked: Effect.suspend(() => Deferred.await(asked)), canaries }
  }),
)

const atNow = TestClock.setTime(nowMs)

describe("ical", () => {
  it.effect("a calendar is read as a snapshot with its account and zone", () =>
    Effect.gen(function* () {
      yield* atNow
      const { address, received } = yield* serve(calendar())
      const { credential, read } = yield* connect(address)
      const signals = yield* read()
      expect(signals[0]).toEqual({ _tag: "Account", accountId: credential.familyId, timeZone: "Europe/Berlin" })
      expect(titlesOf(signals)).toHaveLength(3)
      expect(positionOf(signals).isSnapshot).toBe(true)
      expect(received[0]?.headers).toMatchObject({ accept: "text/calendar, */*;q=0.1" })
      expect(received[0]?.headers).not.toHaveProperty("traceparent")
    }))

  it.effect("while nothing can have changed the feed is asked with its validators, and 304 is a position alone", () =>
    Effect.gen(function* () {
      yield* atNow
      const validators = { etag: `W/"abc"`, "last-modified": "Fri, 20 Nov 2026 10:00:00 GMT" }
      const { address, received } = yield* serve(calendar(google(), validators), send(304))
      const { read } = yield* connect(address)
      const { cursor } = positionOf(yield* read())
      expect(yield* read(cursor)).toEqual([{ _tag: "Position", cursor, isSnapshot: false }])
      expect(received[1]?.headers).toMatchObject({
        "if-none-match": `W/"abc"`,
        "if-modified-since": "Fri, 20 Nov 2026 10:00:00 GMT",
      })
    }))

  it.effect("once an event has ended, or the day has, it is asked without validators and the event is gone", () =>
    Effect.gen(function* () {
      yield* atNow
      const body = feedOf(
        eventOf("DTSTART:20261121T083000Z", "DTEND:20261121T090000Z"),
        eventOf("DTSTART:20261206T083000Z", "SUMMARY:Far away").replace("e1", "e2"),
      )
      const { address, received } = yield* serve(calendar(body, { etag: `"1"` }))
      const { read } = yield* connect(address)
      const first = yield* read()
      expect(titlesOf(first)).toEqual(["Event"])
      yield* TestClock.setTime(Date.parse("2026-11-21T08:59:59.999Z"))
      yield* read(positionOf(first).cursor)
      yield* TestClock.setTime(Date.parse("2026-11-21T09:00:00Z"))
      const second = yield* read(positionOf(first).cursor)
      expect(titlesOf(second)).toEqual([])
      yield* TestClock.setTime(Date.parse("2026-11-22T00:00:00Z"))
      expect(titlesOf(yield* read(positionOf(second).cursor))).toEqual(["Far away"])
      expect(received.map(({ headers }) => headers["if-none-match"])).toEqual([undefined, `"1"`, undefined, undefined])
    }))

  it.effect("a 304 that was not asked for says nothing", () =>
    Effect.gen(function* () {
      const incomplete = { _tag: "ProviderUnavailable", reason: "incomplete", status: 304 }
      expect(yield* failure(send(304))).toMatchObject(incomplete)
      yield* atNow
      const { address } = yield* serve(calendar(google(), { etag: `"1"` }), send(304))
      const { read } = yield* connect(address)
      const { cursor } = positionOf(yield* read())
      yield* TestClock.setTime(nowMs + 86_400_000)
      expect(yield* Effect.flip(read(cursor))).toMatchObject(incomplete)
    }))

  it.effect("the cursor of another address is not used for this one", () =>
    Effect.gen(function* () {
      yield* atNow
      const one = yield* serve(calendar(google(), { etag: `"1"` }))
      const other = yield* serve(calendar())
      const { cursor } = positionOf(yield* (yield* connect(one.address)).read())
      expect(positionOf(yield* (yield* connect(other.address)).read(cursor)).isSnapshot).toBe(true)
      expect(other.received[0]?.headers).not.toHaveProperty("if-none-match")
    }))

  it.effect("a redirect within the host is followed, three times at most", () =>
    Effect.gen(function* () {
      yield* atNow
      const away = send(302, "moved", { location: "/elsewhere.ics" })
      const { address, received } = yield* serve(away, away, away, calendar())
      expect(titlesOf(yield* (yield* connect(address)).read())).toHaveLength(3)
      expect(received.map(({ url }) => url).slice(1)).toEqual(["/elsewhere.ics", "/elsewhere.ics", "/elsewhere.ics"])
      const endless = yield* serve(away)
      const error = yield* Effect.flip((yield* connect(endless.address)).read())
      expect(error).toMatchObject({ _tag: "ProviderRefused", tag: "too many redirects" })
      expect(endless.received).toHaveLength(4)
    }))

  it.effect("a redirect to another host or port is refused, and that host is asked nothing", () =>
    Effect.gen(function* () {
      const elsewhere = yield* serve(calendar())
      const targets = [
        `${elsewhere.origin}/x.ics`,
        "//localhost:1/x.ics",
        "file:///etc/passwd",
        "http://u:p@127.0.0.1/",
      ]
      for (const location of targets) {
        const error = yield* failure(send(307, "", { location }))
        expect(error, location).toMatchObject({ _tag: "ProviderRefused", status: 307, tag: "redirect" })
      }
      expect(yield* failure(send(301))).toMatchObject({ tag: "redirect" })
      expect(elsewhere.received).toEqual([])
    }))

  it.effect("each answer means one thing to the caller", () =>
    Effect.gen(function* () {
      const meanings: ReadonlyArray<readonly [Responder, object]> = [
        ...[401, 403, 404, 410].map((status) => [send(status), { _tag: "TokenRejected", status }] as const),
        [send(429, "", { "retry-after": "7" }), { _tag: "RateLimited", retryAfterMs: 7_000 }],
        [send(429), { _tag: "RateLimited", retryAfterMs: null }],
        [send(503, "", { "retry-after": "9999999" }), { reason: "server-error", retryAfterMs: 3_600_000 }],
        [send(500, "", { "retry-after": "7" }), { reason: "server-error", retryAfterMs: null }],
        [send(502, " <html>", { "content-type": "text/plain" }), { reason: "html", status: 502 }],
        [send(408), { _tag: "ProviderUnavailable", reason: "timeout" }],
        [send(418), { _tag: "ProviderRefused", status: 418, tag: null }],
        [send(200, "hello"), { _tag: "ProviderUnavailable", reason: "malformed" }],
        [send(200), { _tag: "ProviderUnavailable", reason: "malformed" }],
        [send(204), { _tag: "ProviderUnavailable", reason: "malformed", status: 204 }],
        [calendar(google().subarray(0, -20)), { _tag: "ProviderUnavailable", reason: "incomplete" }],
        [cutOff, { _tag: "ProviderUnavailable", reason: "connection" }],
        [(response) => void response.destroy(), { _tag: "ProviderUnavailable", reason: "connection" }],
      ]
      for (const [responder, meaning] of meanings) expect(yield* failure(responder)).toMatchObject(meaning)
    }))

  it.live("a host that answers slowly, or stops in the middle, is given up after the timeout", () =>
    Effect.gen(function* () {
      const gone = yield* Deferred.make<void>()
      const stalled = yield* failure((response) => {
        response.on("close", () => Deferred.doneUnsafe(gone, Effect.void))
        response.writeHead(200, { "content-type": "text/calendar" })
        response.write("BEGIN:VCALENDAR\r\n")
      }, { timeoutMs: 60 })
      expect(stalled).toMatchObject({ _tag: "ProviderUnavailable", reason: "timeout" })
      // The request is aborted, not left running behind the caller's back.
      yield* Deferred.await(gone)
    }))

  it.effect("a feed without end is cut at the bound and refused", () =>
    Effect.gen(function* () {
      const gone = yield* Deferred.make<void>()
      const endless = yield* failure((response) => {
        response.on("close", () => Deferred.doneUnsafe(gone, Effect.void)).on("error", () => {})
        response.writeHead(200, { "content-type": "text/calendar" })
        const more = () => {
          if (!response.destroyed) response.write("X-PAD:".padEnd(4_096, "x"), more)
        }
        more()
      }, { responseMaxBytes: 65_536 })
      expect(endless).toMatchObject({ _tag: "ProviderRefused", tag: "response too large" })
      yield* Deferred.await(gone)
    }))

  it.effect("a calendar that is mostly unreadable is refused, not reported as empty", () =>
    Effect.gen(function* () {
      const broken = Array.from({ length: 12 }, (_, n) => eventOf("DTSTART:99").replace("e1", `e${n}`))
      expect(yield* failure(calendar(feedOf(...broken)))).toMatchObject({
        _tag: "ProviderRefused",
        tag: "unreadable items",
      })
    }))

  it.effect("an address whose host was taken off the list is not asked any more", () =>
    Effect.gen(function* () {
      const { address, received } = yield* serve(calendar())
      const stricter = yield* make({ hosts: ["calendar.google.com"] }).pipe(Effect.provide(FetchHttpClient.layer))
      const other = yield* connect("https://feeds.example.org/x.ics", { hosts: ["feeds.example.org"] })
      for (const { credential } of [yield* connect(address), other]) {
        const read = Stream.runCollect(stricter.fetchSignals({ credential, since: null }))
        expect(yield* Effect.flip(read)).toMatchObject({ _tag: "TokenRejected", status: null })
      }
      expect(received).toEqual([])
    }))

  it.effect("an address of a host that is not offered is refused without naming it", () =>
    Effect.gen(function* () {
      const connector = yield* make({ hosts: ["calendar.google.com"] }).pipe(Effect.provide(FetchHttpClient.layer))
      const refused = yield* Effect.flip(connector.fromToken(Redacted.make(`https://other.example.org/${secret}.ics`)))
      expect(refused).toMatchObject({ _tag: "GrantUnsupported" })
      expect(refused.message).not.toContain("example")
      const taken = yield* connector.fromToken(Redacted.make(` webcal://calendar.google.com/${secret}.ics#x `))
      expect(Redacted.value(taken.accessToken)).toBe(`https://calendar.google.com/${secret}.ics`)
    }))
})
