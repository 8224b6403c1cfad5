/** How much a read asks for, and what a reader that is slow or leaves gets of it. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import * as AccountPace from "../AccountPace.ts"
import type { Act, Signal } from "../Connector.ts"
import { syncChanges, syncFull } from "./fixtures/fixture.ts"
import { connect, credentialOf, gathered, readAll, token } from "./fixtures/readAll.ts"
import { ok, send, stub } from "./fixtures/stub.ts"
import { make } from "./TodoistConnector.ts"

const credential = credentialOf(token)
const milk = syncFull.items[0]!
const refusal = send(400, { error: "Invalid sync token", error_code: 34, error_tag: "SYNC_TOKEN_INVALID" })
const nothing = ok({ sync_token: "t9", full_sync: false })

const many = (count: number) => Array.from({ length: count }, (_, n) => ({ ...milk, id: `t${n}` }))

const known = Effect.fnUntraced(function* () {
  return (yield* readAll(yield* connect(yield* stub(ok(syncFull))), credential, null)).cursor
})

const act: Act = { actId: "f8539c77-7fd7-4846-afad-3b201f0be8a5", kind: "complete", taskId: "6X7rM8997g3RQmv1" }

describe("todoist reads", () => {
  it.live("edge case 37 - 5,000 tasks come as they are taken: a slow reader finds the rest unmade", () =>
    Effect.gen(function* () {
      const server = yield* stub(ok({ ...syncFull, items: many(5_000) }))
      const connector = yield* connect(server)
      const sizes: Array<number> = []
      const signals = yield* connector.fetchSignals({ credential, since: null }).pipe(
        Stream.chunks,
        Stream.map((chunk) => {
          sizes.push(chunk.length)
          return chunk
        }),
        Stream.flattenIterable,
        Stream.runCollect,
      )
      expect(gathered(signals).tasks.length).toBe(5_000)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(100)
    }))

  it.live("edge case 37 - a reader that leaves half-way has seen no position, and may read the same again", () =>
    Effect.gen(function* () {
      const reply = ok({ ...syncFull, items: many(5_000) })
      const server = yield* stub(reply, reply)
      const connector = yield* connect(server)
      const stream = connector.fetchSignals({ credential, since: null })
      const half: ReadonlyArray<Signal> = yield* Stream.runCollect(Stream.take(stream, 2_500))
      expect(half.length).toBe(2_500)
      expect(half.map(({ _tag }) => _tag)).not.toContain("Position")
      const whole = yield* Stream.runCollect(stream)
      expect(whole.slice(0, 2_500)).toEqual(half)
      expect(whole.at(-1)?._tag).toBe("Position")
    }))

  it.live("edge case 3 - a read that fails brings nothing at all, and one repeated brings the same", () =>
    Effect.gen(function* () {
      const cursor = yield* known()
      const seen: Array<Signal> = []
      const server = yield* stub(send(503, ""), ok(syncChanges), ok(syncChanges))
      const connector = yield* connect(server)
      const stream = connector.fetchSignals({ credential, since: cursor })
      yield* Effect.ignore(Stream.runForEach(stream, (signal) => Effect.sync(() => seen.push(signal))))
      expect(seen).toEqual([])
      expect(yield* Stream.runCollect(stream)).toEqual(yield* Stream.runCollect(stream))
    }))

  it.live("edge case 6 - its own full reads are few: an account that always refuses its token waits", () =>
    Effect.gen(function* () {
      const cursor = yield* known()
      const rounds = Array.from({ length: 11 }, () => [refusal, ok(syncFull)]).flat()
      const server = yield* stub(...rounds)
      const connector = yield* connect(server)
      for (let n = 0; n < 10; n += 1) expect((yield* readAll(connector, credential, cursor)).isSnapshot).toBe(true)
      const error = yield* Effect.flip(readAll(connector, credential, cursor))
      expect(error).toMatchObject({ _tag: "RateLimited" })
      expect(error._tag === "RateLimited" && error.retryAfterMs).toBeGreaterThan(1)
      expect(server.received.length).toBe(21)
    }))

  it.live("edge case 33 - full reads nobody asked for count for the account, whoever of us reads it", () =>
    Effect.gen(function* () {
      const cursor = yield* known()
      const unasked = Array.from({ length: 10 }, () => ok(syncFull))
      const server = yield* stub(...unasked, refusal)
      const options = { baseUrl: server.baseUrl, client: undefined }
      const layer = Layer.merge(FetchHttpClient.layer, AccountPace.layer)
      yield* Effect.gen(function* () {
        const [one, another] = [yield* make(options), yield* make(options)]
        for (let n = 0; n < 5; n += 1) {
          yield* readAll(one, credential, cursor)
          yield* readAll(another, credentialOf("another-token"), cursor)
        }
        expect(yield* Effect.flip(readAll(one, credential, cursor))).toMatchObject({ _tag: "RateLimited" })
      }).pipe(Effect.provide(layer))
    }))

  it.live("edge case 18 - at most five tasks that could not be understood are asked for again with a read", () =>
    Effect.gen(function* () {
      const odd = many(9).map((item) => ({ ...item, due: 7 }))
      const first = yield* stub(ok({ ...syncFull, items: [...many(20).slice(9), ...odd] }))
      const { cursor, quarantined } = yield* readAll(yield* connect(first), credential, null)
      expect(quarantined).toEqual(odd.map(({ id }) => id))
      const gone = send(404, { error_tag: "NOT_FOUND" })
      const server = yield* stub(nothing, ok(milk), ok(odd[1]), gone, send(403, ""), ok(odd[4]))
      const again = yield* readAll(yield* connect(server), credential, cursor)
      expect(again.tasks.map(({ task }) => task.taskId)).toEqual(["6X7rM8997g3RQmv1"])
      expect(server.received.map(({ url }) => url.slice(7))).toEqual([
        "/sync",
        "/tasks/t0",
        "/tasks/t1",
        "/tasks/t2",
        "/tasks/t3",
        "/tasks/t4",
      ])
      expect(JSON.parse(again.cursor).quarantined).toEqual(["t5", "t6", "t7", "t8", "t1", "t4"])
    }))

  it.live("edge case 18 - a failure to ask again leaves the read as it is, and what to ask for remembered", () =>
    Effect.gen(function* () {
      const first = yield* stub(ok({ ...syncFull, items: [milk, { ...milk, id: "t1", due: 7 }] }))
      const { cursor } = yield* readAll(yield* connect(first), credential, null)
      for (const failing of [send(500, ""), send(429, ""), send(401, "")]) {
        const again = yield* readAll(yield* connect(yield* stub(nothing, failing)), credential, cursor)
        expect(again.tasks).toEqual([])
        expect(JSON.parse(again.cursor)).toMatchObject({ syncToken: "t9", quarantined: ["t1"] })
      }
    }))

  it.live("edge case 14 - of other people in a shared project nothing is in what a read brings", () =>
    Effect.gen(function* () {
      const collaborators = [{ id: "55667788", full_name: "Grace Hopper", email: "grace@example.com" }]
      const server = yield* stub(ok({ ...syncFull, collaborators }), ok({ ...syncChanges, collaborators }))
      const connector = yield* connect(server)
      const first = yield* Stream.runCollect(connector.fetchSignals({ credential, since: null }))
      const next = yield* Stream.runCollect(
        connector.fetchSignals({ credential, since: gathered(first).cursor }),
      )
      expect(JSON.stringify([first, next])).not.toMatch(/55667788|Grace|grace@|Ada|ada@example/)
      expect(server.received[0]?.form["resource_types"]).not.toContain("collaborators")
    }))

  it.live("edge case 7 - an act reads nothing, and its reply's full_sync without arrays moves nothing", () =>
    Effect.gen(function* () {
      const reply = {
        full_sync: true,
        full_sync_date_utc: "2026-11-20T10:00:00Z",
        sync_token: "w1",
        temp_id_mapping: {},
      }
      const server = yield* stub(ok({ ...reply, sync_status: { [act.actId]: "ok" } }), ok(reply))
      const connector = yield* connect(server)
      const done = [{ actId: act.actId, outcome: "done" }]
      expect(yield* connector.act({ credential, acts: [act] })).toEqual(done)
      expect(Object.keys(server.received[0]?.form ?? {})).toEqual(["commands"])
      // Without a status nobody knows whether it was carried out.
      expect(yield* Effect.flip(connector.act({ credential, acts: [act] }))).toMatchObject({ reason: "incomplete" })
    }))

  it.live("edge case 28 - once Todoist ended this version of its API, nothing is sent any more", () =>
    Effect.gen(function* () {
      const server = yield* stub(send(410, "planned unavailability of this API version"))
      const connector = yield* connect(server)
      expect(yield* Effect.flip(readAll(connector, credential, null))).toMatchObject({ _tag: "ProviderGone" })
      expect(yield* Effect.flip(connector.act({ credential, acts: [act] }))).toMatchObject({ _tag: "ProviderGone" })
      expect(yield* connector.circuit).toEqual({ state: "gone", retryAtMs: null })
      expect(server.received.length).toBe(1)
    }))

  it.live("edge case 27 - a host that fails for everybody is left alone after ten failures", () =>
    Effect.gen(function* () {
      const server = yield* stub(...Array.from({ length: 20 }, () => send(500, "")))
      const connector = yield* connect(server)
      for (let n = 0; n < 10; n += 1) yield* Effect.ignore(readAll(connector, credentialOf(`user-${n}`), null))
      const error = yield* Effect.flip(readAll(connector, credential, null))
      expect(error).toMatchObject({ _tag: "ProviderUnavailable", reason: "circuit-open" })
      expect(server.received.length).toBe(10)
    }))
})
