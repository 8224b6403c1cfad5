import { expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import fc from "fast-check"
import { tipExpired } from "../../schemas/events.ts"
import { TenantId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { uuidv5 } from "../../schemas/uuid.ts"
import { todo } from "../recommender/candidate.fixture.ts"
import { Candidates } from "../recommender/Candidates.ts"
import { Decisions } from "../recommender/Decisions.ts"
import type { Decision, PastDecision } from "../recommender/Decisions.ts"
import { LogSignals } from "./LogSignals.ts"
import {
  acme,
  decisionOf,
  eventsOf,
  eventTypesOf,
  hourMs,
  newDecisionId,
  newUser,
  nowMs,
  servedEventOf,
} from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

const commit = (decision: Decision) => Decisions.use((store) => store.commit(decision, servedEventOf(decision)))
const committed = Effect.fnUntraced(function* (owner: Owner, given: Parameters<typeof decisionOf>[1] = {}) {
  const decision = decisionOf(owner, given)
  yield* commit(decision)
  return decision
})
const expiredEvent = (owner: Owner, { decisionId }: PastDecision) =>
  tipExpired({ ...owner, id: uuidv5(decisionId, "expired"), atMs: nowMs, correlationId: "c" }, { decisionId })

layer(Store.layer)("decisions in sql - serving", (it) => {
  it.effect("a decision is found as it was committed, with its event beside it", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const signals = yield* LogSignals
      const told = signals.appended.count()
      const decision = yield* committed(owner)
      const { context: _context, features: _features, featureSchema: _schema, policyVersion: _version, ...rest } =
        decision
      const { statePosition: _position, owner: _owner, dataAgeMs: _age, ...kept } = rest
      expect(yield* store.find(owner, decision.decisionId)).toEqual({ ...kept, state: "open", reactedAtMs: null })
      const event = (yield* eventsOf(owner)).at(-1)!
      expect([event.id, event.type]).toEqual([decision.decisionId, "decisions.tip.served"])
      expect(signals.appended.count()).toBe(told + 1)
    }))

  it.effect("decision and event are committed together or not at all, whichever of the two is refused", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const first = yield* committed(owner)
      // The same event again, for another decision: only the event collides.
      const second = decisionOf(owner)
      expect((yield* Effect.flip(store.commit(second, servedEventOf(first))))._tag).toBe("StoreUnavailable")
      expect((yield* Effect.flip(store.find(owner, second.decisionId)))._tag).toBe("TipUnknown")
      // The same decision again, with an event of its own: only the row collides.
      const other = { ...servedEventOf(first), id: newDecisionId() }
      expect((yield* Effect.flip(store.commit(first, other)))._tag).toBe("StoreUnavailable")
      expect(yield* eventTypesOf(owner)).toEqual(["decisions.tip.served"])
    }))

  it.effect("of many committed at once each is there with its event, and a refused one takes no other with it", () =>
    Effect.gen(function* () {
      const store = yield* Decisions
      const owners = yield* Effect.forEach(Array.from({ length: 12 }), () => newUser)
      const known = yield* committed(owners[0]!)
      const decisions = owners.map((owner) => decisionOf(owner))
      const all = decisions.map((decision, n) =>
        Effect.exit(store.commit(decision, n === 5 ? servedEventOf(known) : servedEventOf(decision)))
      )
      const exits = yield* Effect.all(all, { concurrency: "unbounded" })
      expect(exits.map((exit) => exit._tag)).toEqual(decisions.map((_, n) => n === 5 ? "Failure" : "Success"))
      for (const [n, { decisionId, owner }] of decisions.entries()) {
        const found = yield* Effect.result(store.find(owner, decisionId))
        expect(found._tag).toBe(n === 5 ? "Failure" : "Success")
        expect(yield* eventTypesOf(owner)).toHaveLength(n === 0 ? 2 : n === 5 ? 0 : 1)
      }
    }))

  it.effect("in a transaction that is rolled back nothing stays and nobody is told", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const sql = yield* SqlClient.SqlClient
      const { appended } = yield* LogSignals
      const told = appended.count()
      const decision = decisionOf(owner)
      yield* sql.withTransaction(Effect.andThen(commit(decision), Effect.fail("no"))).pipe(Effect.flip)
      expect(yield* eventTypesOf(owner)).toEqual([])
      expect(appended.count()).toBe(told)
    }))

  it.effect("a tip is found by its owner only: not by another user, nor by the same user of another tenant", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const store = yield* Decisions
      const { decisionId } = yield* committed(owner)
      const strangers = [other, { ...owner, tenantId: TenantId.make("evil") }]
      for (const stranger of strangers) {
        expect(yield* Effect.flip(store.find(stranger, decisionId))).toMatchObject({
          _tag: "TipUnknown",
          tipId: decisionId,
        })
        expect(yield* store.history(stranger, nowMs + 1, 10)).toEqual([])
        expect(yield* store.openTip(stranger, nowMs)).toBeUndefined()
      }
    }))

  it.effect("the row a policy saw comes back to the last bit, for any numbers at all", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const services = yield* Effect.context<Decisions>()
      const edges = [
        -0,
        0,
        5e-324,
        2 ** -1022,
        Number.MAX_VALUE,
        1 - 2 ** -53,
        0.1 + 0.2,
        Infinity,
        -Infinity,
        NaN,
        1e21,
      ]
      const bits = (values: Float64Array) => [...new BigUint64Array(values.slice().buffer)]
      const survives = Effect.fnUntraced(function* (features: Float64Array) {
        const { decisionId } = yield* committed(owner, { features })
        const row = (yield* store.chosenRows([decisionId])).get(decisionId)!
        expect(bits(row.features)).toEqual(bits(features))
        expect(row.featureSchema).toBe("features-v1")
      })
      yield* survives(Float64Array.from(edges))
      yield* survives(new Float64Array())
      const anyRow = fc.float64Array({ minLength: 1, maxLength: 40 })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(anyRow, (row) => Effect.runPromise(Effect.provideContext(survives(row), services))),
          { numRuns: 50 },
        )
      )
    }))

  it.effect("rows are given for the decisions there are, each once, in one question", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const ids = [(yield* committed(owner)).decisionId, (yield* committed(owner)).decisionId]
      const rows = yield* store.chosenRows([...ids, newDecisionId(), ids[0]!])
      expect(new Set(rows.keys())).toEqual(new Set(ids))
      expect((yield* store.chosenRows([])).size).toBe(0)
    }))
})

layer(Store.layer)("decisions in sql - looking back", (it) => {
  it.effect("history is newest first and goes on before the last one seen", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const served: Array<string> = []
      for (const minutes of [3, 1, 5, 2, 4]) {
        const servedAtMs = nowMs + minutes * 60_000
        served[minutes] = (yield* committed(owner, { servedAtMs })).decisionId
      }
      const page = (beforeMs: number) =>
        Effect.map(store.history(owner, beforeMs, 2), (all) => all.map(({ decisionId }) => served.indexOf(decisionId)))
      expect(yield* page(nowMs + hourMs)).toEqual([5, 4])
      expect(yield* page(nowMs + 4 * 60_000)).toEqual([3, 2])
      expect(yield* page(nowMs + 2 * 60_000)).toEqual([1])
      expect(yield* page(nowMs + 60_000)).toEqual([])
    }))

  it.effect("no tip is lost between two pages, also when several were served in one millisecond", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const all = new Set<string>()
      for (const offsetMs of [0, 0, 0, 1, 1]) {
        all.add((yield* committed(owner, { servedAtMs: nowMs + offsetMs })).decisionId)
      }
      const seen = new Set<string>()
      let beforeMs = nowMs + hourMs
      for (let page = 0; page < 10; page++) {
        const found = yield* store.history(owner, beforeMs, 2)
        if (found.length === 0) break
        found.forEach(({ decisionId }) => seen.add(decisionId))
        beforeMs = found.at(-1)!.servedAtMs
      }
      expect(seen).toEqual(all)
    }))

  it.effect("the latest tip is open until it is answered or its window ends, to the millisecond", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const sql = yield* SqlClient.SqlClient
      expect(yield* store.openTip(owner, nowMs)).toBeUndefined()
      yield* committed(owner, { candidateId: "library:a" })
      const latest = yield* committed(owner, { candidateId: "library:b", servedAtMs: nowMs + 1 })
      expect((yield* store.openTip(owner, nowMs + hourMs - 1))?.decisionId).toBe(latest.decisionId)
      expect(yield* store.openTip(owner, nowMs + hourMs)).toBeUndefined()
      yield* sql`UPDATE decisions SET state = 'done' WHERE decision_id = ${latest.decisionId}`
      expect(yield* store.openTip(owner, nowMs)).toBeUndefined()
    }))

  it.effect("the tip of a task is open while the task is there", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const candidates = yield* Candidates
      const { decisionId } = yield* committed(owner, { candidateId: "todoist:1" })
      expect(yield* store.openTip(owner, nowMs)).toBeUndefined()
      const key = { owner, candidateId: "todoist:1" }
      yield* candidates.apply({ upserts: [{ ...key, candidate: todo("todoist:1") }], removes: [], wakes: [] })
      expect((yield* store.openTip(owner, nowMs))?.decisionId).toBe(decisionId)
      yield* candidates.apply({ upserts: [], removes: [key], wakes: [] })
      expect(yield* store.openTip(owner, nowMs)).toBeUndefined()
      expect((yield* store.find(owner, decisionId)).state).toBe("open")
    }))
})

layer(Store.layer)("decisions in sql - expiring", (it) => {
  it.effect("exactly the open tips whose window has passed, at most as many as asked, each with its event", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const sql = yield* SqlClient.SqlClient
      const owners = [owner, ...yield* Effect.replicateEffect(newUser, 6)]
      for (const [n, one] of owners.entries()) yield* committed(one, { expiresAtMs: nowMs - n })
      const other = yield* newUser
      const answered = yield* committed(other, { expiresAtMs: nowMs - 100 })
      yield* sql`UPDATE decisions SET state = 'done' WHERE decision_id = ${answered.decisionId}`
      const open = yield* committed(other, { expiresAtMs: nowMs + 1 })
      expect(yield* store.expire(nowMs, 3, expiredEvent)).toBe(3)
      const states = yield* sql<{ readonly state: string; readonly expires_at_ms: number }>`
        SELECT state, expires_at_ms FROM decisions WHERE state = 'expired'`
      // The longest overdue go first.
      expect(states.map((row) => nowMs - row.expires_at_ms).toSorted()).toEqual([4, 5, 6])
      expect(yield* store.expire(nowMs, 100, expiredEvent)).toBe(4)
      expect(yield* store.expire(nowMs, 100, expiredEvent)).toBe(0)
      expect((yield* store.find(other, open.decisionId)).state).toBe("open")
      expect((yield* store.find(other, answered.decisionId)).state).toBe("done")
      const told = (yield* Effect.forEach(owners, eventTypesOf)).flat()
      expect(told.filter((type) => type === "feedback.tip.expired")).toHaveLength(7)
    }))

  it.effect("a tip that was followed by another before its window ended is superseded, and nothing is told of it", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const expiresAtMs = nowMs + 100
      const seen = yield* committed(owner, { expiresAtMs: nowMs - 1, servedAtMs: nowMs - 1_000 })
      const shown = []
      for (const servedAtMs of [nowMs, nowMs + 1, nowMs + 2]) {
        shown.push(yield* committed(owner, { servedAtMs, expiresAtMs }))
      }
      expect(yield* store.expire(expiresAtMs, 100, expiredEvent)).toBeGreaterThanOrEqual(4) // others' too
      const states = yield* Effect.forEach([seen, ...shown], ({ decisionId }) => store.find(owner, decisionId))
      expect(states.map(({ state }) => state)).toEqual(["expired", "superseded", "superseded", "expired"])
      const told = (yield* eventsOf(owner)).flatMap(({ payload }) =>
        payload.case === "tipExpired" ? [payload.value.decisionId] : []
      )
      expect(new Set(told)).toEqual(new Set([seen.decisionId, shown.at(-1)!.decisionId]))
    }))

  it.effect("two at once share the work and expire no tip twice", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const owners = [owner, ...yield* Effect.replicateEffect(newUser, 29)]
      for (const [n, one] of owners.entries()) yield* committed(one, { expiresAtMs: nowMs - n })
      const counts = yield* Effect.all(Array.from({ length: 6 }, () => store.expire(nowMs, 10, expiredEvent)), {
        concurrency: "unbounded",
      })
      const rest = yield* store.expire(nowMs, 100, expiredEvent)
      expect(Math.max(...counts)).toBeLessThanOrEqual(10)
      expect(counts.reduce((sum, count) => sum + count, rest)).toBe(30)
      const events = (yield* Effect.forEach(owners, eventsOf)).flat()
      const ids = events.filter(({ type }) => type === "feedback.tip.expired").map(({ id }) => id)
      expect(new Set(ids).size).toBe(30)
    }))

  it.effect("does not wait for whoever expires others at the moment", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const sql = yield* SqlClient.SqlClient
      for (let n = 0; n < 5; n++) yield* committed(owner, { expiresAtMs: nowMs - n })
      const [begun, finish] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow = yield* Effect.forkChild(sql.withTransaction(
        store.expire(nowMs, 2, expiredEvent).pipe(
          Effect.tap(() => Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(finish))),
        ),
      ))
      yield* Deferred.await(begun)
      expect(yield* store.expire(nowMs, 100, expiredEvent)).toBe(3)
      yield* Deferred.succeed(finish, undefined)
      expect(yield* Fiber.join(slow)).toBe(2)
    }))

  it.effect("a tip whose event cannot be appended stays open", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const store = yield* Decisions
      const { decisionId } = yield* committed(owner, { expiresAtMs: nowMs })
      const nameless = (_owner: Owner, tip: PastDecision) => ({
        ...expiredEvent(owner, tip),
        tenantId: acme,
        type: "nowhere.at.all",
      })
      const exit = yield* Effect.exit(store.expire(nowMs, 10, nameless))
      expect(exit._tag).toBe("Failure")
      expect((yield* store.find(owner, decisionId)).state).toBe("open")
      yield* store.expire(nowMs, 10, expiredEvent)
    }))
})
