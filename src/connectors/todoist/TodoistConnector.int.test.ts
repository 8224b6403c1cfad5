import { describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Tracer } from "effect"
import { inspect } from "node:util"
import type { Act } from "../Connector.ts"
import { syncChanges, syncFull } from "./fixtures/fixture.ts"
import { connect, credentialOf, type Gathered, readAll, token } from "./fixtures/readAll.ts"
import { ok, type Responder, send, stub } from "./fixtures/stub.ts"
import type { TodoistOptions } from "./TodoistConnector.ts"

const close: Act = {
  actId: "f8539c77-7fd7-4846-afad-3b201f0be8a5",
  kind: "complete",
  taskId: "6X7rM8997g3RQmv1",
}

type Options = Partial<TodoistOptions> & { readonly baseUrl: string }

const read = Effect.fnUntraced(function* (options: Options, cursor: string | null = null) {
  return yield* readAll(yield* connect(options), credentialOf(token), cursor)
})

const act = Effect.fnUntraced(function* (options: Options, acts: ReadonlyArray<Act>) {
  return yield* (yield* connect(options)).act({ credential: credentialOf(token), acts })
})

const states = (result: Gathered) =>
  Object.fromEntries(result.tasks.map(({ task, state }) => [task.taskId.slice(-1), state]))

const allOpen = { 1: "open", 2: "open", 3: "open", 4: "open", 5: "open" }

/** The cursor of the golden account. */
const known = Effect.fnUntraced(function* () {
  return (yield* read(yield* stub(ok(syncFull)))).cursor
})

/** What fails, when the server behaves like this. */
const failure = (responder: Responder, options: Partial<TodoistOptions> = {}) =>
  Effect.gen(function* () {
    const { baseUrl } = yield* stub(responder)
    return yield* read({ baseUrl, ...options }).pipe(Effect.flip)
  })

const unavailable = (reason: string, status: number | null = null) => ({ _tag: "ProviderUnavailable", reason, status })

describe("todoist", () => {
  it.live(
    "edge case 1 - a first read asks for everything and returns the account as a snapshot",
    () =>
      Effect.gen(function* () {
        const server = yield* stub(ok(syncFull))
        const result = yield* read({ baseUrl: `${server.baseUrl}/` })
        expect(states(result)).toEqual(allOpen)
        expect(result).toMatchObject({
          isSnapshot: true,
          timeZone: "Europe/Berlin",
          accountId: "40112233",
          quarantined: [],
        })
        expect(server.received).toMatchObject([{
          url: "/api/v1/sync",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/x-www-form-urlencoded" },
          form: { sync_token: "*", resource_types: `["items","projects","user"]` },
        }])
      }),
  )

  it.live("edge case 18 - a later read brings what changed, and asks again for what could not be understood", () =>
    Effect.gen(function* () {
      const cursor = yield* known()
      const server = yield* stub(ok(syncChanges))
      const result = yield* read(server, cursor)
      expect(result).toMatchObject({ isSnapshot: false, quarantined: ["6X7rM8997g3RQmv8"], timeZone: "Europe/Berlin" })
      expect(states(result)).toEqual({ 1: "completed", 2: "deleted", 4: "open", 5: "withdrawn" })
      expect(server.received.map(({ form }) => form["sync_token"])).toEqual([syncFull.sync_token])
      const item = { ...syncChanges.items[0], id: "6X7rM8997g3RQmv8", checked: false }
      const again = yield* stub(ok({ ...syncChanges, items: [] }), ok(item))
      expect(states(yield* read(again, result.cursor))).toEqual({ 8: "open" })
      expect(again.received.map(({ url, form }) => [url, form["sync_token"]])).toEqual([
        ["/api/v1/sync", syncChanges.sync_token],
        ["/api/v1/tasks/6X7rM8997g3RQmv8", undefined],
      ])
    }))

  it.live(
    "edge case 6 - a sync token that is refused is followed by one full read, and by no other",
    () =>
      Effect.gen(function* () {
        const cursor = yield* known()
        const refusal = send(400, { error: "Invalid sync token", error_code: 34, error_tag: "SYNC_TOKEN_INVALID" })
        const server = yield* stub(refusal, ok(syncFull))
        const result = yield* read(server, cursor)
        expect(result.isSnapshot).toBe(true)
        expect(server.received.map(({ form }) => form["sync_token"])).toEqual([syncFull.sync_token, "*"])
        const stubborn = yield* stub(refusal, refusal)
        expect(yield* Effect.flip(read(stubborn, cursor))).toMatchObject({
          _tag: "ProviderRefused",
          tag: "SYNC_TOKEN_INVALID",
        })
        expect(stubborn.received.length).toBe(2)
      }),
  )

  it.live(
    "edge case 5 - a sync token that is silently dropped yields a snapshot in the same round trip",
    () =>
      Effect.gen(function* () {
        const cursor = yield* known()
        const server = yield* stub(ok(syncFull))
        const result = yield* read(server, cursor)
        expect(result.isSnapshot).toBe(true)
        expect(states(result)).toEqual(allOpen)
        expect(server.received.length).toBe(1)
      }),
  )

  it.live(
    "edge case 13 - a renamed project is followed by one full read",
    () =>
      Effect.gen(function* () {
        const cursor = yield* known()
        const renamed = { ...syncFull.projects[1], name: "Allotment" }
        const everything = { ...syncFull, projects: [syncFull.projects[0], renamed] }
        const server = yield* stub(ok({ ...syncChanges, projects: [renamed] }), ok(everything))
        const result = yield* read(server, cursor)
        expect(result.isSnapshot).toBe(true)
        expect(result.tasks.map(({ task }) => task.projectName)).toContain("Allotment")
        expect(server.received.map(({ form }) => [form["sync_token"]])).toEqual([
          [syncFull.sync_token],
          ["*"],
        ])
      }),
  )

  it.live(
    "edge case 2 - a snapshot made minutes ago is caught up at once, and stands when that fails",
    () =>
      Effect.gen(function* () {
        const late = { date: "Fri, 20 Nov 2026 10:10:00 GMT" }
        const server = yield* stub(ok(syncFull, late), ok(syncChanges))
        const result = yield* read(server)
        expect(result.isSnapshot).toBe(true)
        expect(states(result)).toEqual({ 3: "open", 4: "open" })
        expect(server.received.map(({ form }) => form["sync_token"])).toEqual(["*", syncFull.sync_token])
        const limited = yield* stub(ok(syncFull, late), send(429, "", { "retry-after": "9" }))
        expect(states(yield* read(limited))).toEqual(allOpen)
        const recent = yield* stub(ok(syncFull, { date: "Fri, 20 Nov 2026 10:00:59 GMT" }))
        expect(states(yield* read(recent))).toEqual(allOpen)
        expect(recent.received.length).toBe(1)
      }),
  )

  it.live(
    "todoist - an account that is mostly unreadable is refused, not reported as empty",
    () =>
      Effect.gen(function* () {
        const items = Array.from({ length: 12 }, (_, n) => ({ ...syncFull.items[0], id: `t${n}`, priority: "high" }))
        expect(yield* failure(ok({ ...syncFull, items }))).toMatchObject({
          _tag: "ProviderRefused",
          tag: "unreadable items",
        })
      }),
  )

  it.live(
    "edge case 27 - a server that never answers, or stops in the middle, is given up after the timeout",
    () =>
      Effect.gen(function* () {
        const silent = yield* failure(() => {}, { timeoutMs: 60 })
        expect(silent).toMatchObject(unavailable("timeout"))
        const gone = yield* Deferred.make<void>()
        const stalled = yield* failure((response) => {
          response.on("close", () => Deferred.doneUnsafe(gone, Effect.void))
          response.writeHead(200, { "content-type": "application/json" })
          response.write(`{"full_sync":`)
        }, { timeoutMs: 60 })
        expect(stalled).toMatchObject(unavailable("timeout"))
        // The request is aborted, not left running behind the caller's back.
        yield* Deferred.await(gone)
      }),
  )

  it.live("edge case 27 - a connection that is refused, reset or cut off is unavailable", () =>
    Effect.gen(function* () {
      const reset = yield* failure((response) => void response.destroy())
      expect(reset).toMatchObject(unavailable("connection"))
      const cutOff = yield* failure((response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "1000" })
        response.write(`{"full_sync":`, () => response.destroy())
      })
      expect(cutOff).toMatchObject(unavailable("connection"))
      const closed = yield* Effect.scoped(stub())
      expect(yield* Effect.flip(read(closed))).toMatchObject(unavailable("connection"))
    }))

  it.live("edge case 27 - HTML, half a JSON and an empty reply are unavailable", () =>
    Effect.gen(function* () {
      const html = yield* failure(send(502, "<html>502 Bad Gateway</html>", { "content-type": "text/html" }))
      expect(html).toMatchObject(unavailable("html", 502))
      const half = yield* failure(ok(JSON.stringify(syncFull).slice(0, 500)))
      expect(half).toMatchObject(unavailable("malformed", 200))
      const nothing = yield* failure(ok("", { "content-length": "0" }))
      expect(nothing).toMatchObject(unavailable("malformed", 200))
      const bodiless = yield* failure((response) => void response.writeHead(204).end())
      expect(bodiless).toMatchObject(unavailable("malformed", 204))
    }))

  it.live("todoist - a refusal without a body keeps its meaning", () =>
    Effect.gen(function* () {
      expect(yield* failure(send(401, "", { "content-length": "0" }))).toMatchObject({
        _tag: "TokenRejected",
        status: 401,
      })
      expect(yield* failure(send(429, "", { "retry-after": "7" }))).toMatchObject({
        _tag: "RateLimited",
        retryAfterMs: 7_000,
      })
    }))

  it.live("todoist - a reply without end is cut at the bound and refused", () =>
    Effect.gen(function* () {
      const gone = yield* Deferred.make<void>()
      const endless = yield* failure((response) => {
        response.on("close", () => Deferred.doneUnsafe(gone, Effect.void)).on("error", () => {})
        response.writeHead(200, { "content-type": "application/json" })
        const more = () => {
          if (!response.destroyed) response.write(" ".repeat(4_096), more)
        }
        more()
      }, { responseMaxBytes: 65_536 })
      expect(endless).toMatchObject({ _tag: "ProviderRefused", status: 200, tag: "response too large" })
      yield* Deferred.await(gone)
      const bytes = Buffer.byteLength(JSON.stringify(syncFull))
      expect(yield* failure(ok(syncFull), { responseMaxBytes: bytes - 1 })).toMatchObject({ tag: "response too large" })
      expect(states(yield* read({ ...(yield* stub(ok(syncFull))), responseMaxBytes: bytes }))).toEqual(allOpen)
    }))

  it.live(
    "todoist - a redirect is refused and not followed: no other host is shown the token",
    () =>
      Effect.gen(function* () {
        const elsewhere = yield* stub(ok(syncFull))
        for (const status of [302, 307, 308]) {
          const refused = yield* failure(send(status, "", { location: `${elsewhere.baseUrl}/api/v1/sync` }))
          expect(refused).toMatchObject({ _tag: "ProviderRefused", status, tag: "redirect" })
        }
        expect(elsewhere.received).toEqual([])
      }),
  )

  it.live("todoist - a token no header can carry is rejected without a request", () =>
    Effect.gen(function* () {
      const server = yield* stub()
      for (const bad of ["", "a b", `${token}\n`, "tökén", "x".repeat(513)]) {
        const connector = yield* connect(server)
        expect(yield* Effect.flip(readAll(connector, credentialOf(bad), null))).toMatchObject({
          _tag: "TokenRejected",
          status: null,
        })
      }
      expect(server.received).toEqual([])
    }))

  it.live("todoist - more than 100 acts are a defect and nothing is sent", () =>
    Effect.gen(function* () {
      const server = yield* stub()
      const exit = yield* Effect.exit(act(server, Array.from({ length: 101 }, () => close)))
      expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
      expect(server.received).toEqual([])
    }))

  it.live(
    "todoist - the trace goes out with the request; token, body and tasks stay out of spans and errors",
    () =>
      Effect.gen(function* () {
        const spans: Array<Tracer.NativeSpan> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          },
        })
        const cursor = yield* known()
        const sent = new Set<unknown>()
        const behaviours: ReadonlyArray<Responder> = [
          ok(syncChanges),
          send(401, { error: "Call the bank" }),
          ok("Call the bank"),
          (response) => void response.destroy(),
        ]
        for (const behaviour of behaviours) {
          const server = yield* stub(behaviour)
          yield* Effect.exit(read(server, cursor)).pipe(Effect.withTracer(tracer))
          const written = yield* stub(behaviour)
          yield* Effect.exit(act(written, [close])).pipe(Effect.withTracer(tracer))
          server.received.push(...written.received)
          for (const { headers } of server.received) sent.add(headers["traceparent"])
        }
        const outgoing = spans.filter(({ kind }) => kind === "client")
        expect(Array.from(sent)).toEqual(outgoing.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`))
        expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(["Connector.read", "Connector.act"]))
        const recorded = spans.map(({ name, attributes, events, status }) => {
          const exit = status._tag === "Ended" && Exit.isFailure(status.exit) ? status.exit : undefined
          const cause = exit === undefined ? "" : Cause.pretty(exit.cause)
          return inspect({ name, attributes, events, cause, exit }, { depth: 12 })
        }).join("\n")
        expect(recorded).toContain("ProviderUnavailable")
        for (const secret of [token, close.taskId, syncFull.sync_token, "Call the bank", "ada@example.com"]) {
          expect(recorded).not.toContain(secret)
        }
      }),
  )
})
