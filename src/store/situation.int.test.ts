import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { todo } from "../recommender/candidate.fixture.ts"
import { Candidates } from "../recommender/Candidates.ts"
import { Decisions } from "../recommender/Decisions.ts"
import { acme, decisionOf, newUser, nowMs, servedEventOf } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

const situation = (owner: Owner) => Decisions.use((store) => store.situation(owner, nowMs))
const weekMs = 7 * 86_400_000

const connect = Effect.fnUntraced(function* (
  { tenantId, userId }: Owner,
  status: string,
  syncedAtMs: number | null,
  { failures = 0, nextSyncAtMs = null, provider = "todoist" }: {
    readonly failures?: number
    readonly nextSyncAtMs?: number | null
    readonly provider?: string
  } = {},
) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO connections (tenant_id, user_id, provider, status, connected_at_ms, synced_at_ms, failures,
      next_sync_at_ms)
    VALUES (${tenantId}, ${userId}, ${provider}, ${status}, 0, ${syncedAtMs}, ${failures}, ${nextSyncAtMs})`
})

const sleep = Effect.fnUntraced(function* ({ tenantId, userId }: Owner, candidateId: string, untilMs: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO sleeps (tenant_id, user_id, candidate_id, until_ms, reaction, decision_id)
    VALUES (${tenantId}, ${userId}, ${candidateId}, ${untilMs}, 'snooze', ${randomUUID()})`
})

const reacted = Effect.fnUntraced(function* (owner: Owner, reaction: string, atMs: number) {
  const sql = yield* SqlClient.SqlClient
  const decision = decisionOf(owner)
  yield* Decisions.use((store) => store.commit(decision, servedEventOf(decision)))
  yield* sql`INSERT INTO reactions (event_id, decision_id, tenant_id, user_id, reaction, reacted_at_ms)
    VALUES (${randomUUID()}, ${decision.decisionId}, ${owner.tenantId}, ${owner.userId}, ${reaction}, ${atMs})`
})

const nothing = {
  candidates: [],
  sleeps: new Map(),
  connected: false,
  syncedAtMs: null,
  readable: [],
  doneLast7Days: 0,
  dismissedLast7Days: 0,
}

layer(Store.layer)("what is known of a user", (it) => {
  it.effect("is nothing but the zone at first, and not even that of somebody unknown", () =>
    Effect.gen(function* () {
      expect(yield* situation(yield* newUser)).toEqual({ ...nothing, timeZone: "Europe/Berlin" })
      const stranger = { tenantId: acme, userId: UserId.make("nobody") }
      expect(yield* situation(stranger)).toEqual({ ...nothing, timeZone: "UTC" })
    }))

  it.effect("a connection counts while it works; when it was last read is known longer", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* newUser, yield* newUser]
      yield* connect(one, "connected", nowMs - 1)
      yield* connect(other, "needs-reconnect", nowMs - 2)
      expect(yield* situation(one)).toMatchObject({ connected: true, syncedAtMs: nowMs - 1 })
      expect(yield* situation(other)).toMatchObject({ connected: false, syncedAtMs: nowMs - 2 })
    }))

  it.effect("of several tools the one read longest ago counts, unless the user took it away", () =>
    Effect.gen(function* () {
      const user = yield* newUser
      yield* connect(user, "connected", nowMs - 1)
      yield* connect(user, "connected", nowMs - 5, { provider: "ical" })
      expect(yield* situation(user)).toMatchObject({
        syncedAtMs: nowMs - 5,
        readable: [{ provider: "ical", syncedAtMs: nowMs - 5 }, { provider: "todoist", syncedAtMs: nowMs - 1 }],
      })
      const left = yield* newUser
      yield* connect(left, "connected", nowMs - 1)
      yield* connect(left, "disconnected", nowMs - 5, { provider: "ical" })
      expect(yield* situation(left)).toMatchObject({
        syncedAtMs: nowMs - 1,
        readable: [{ provider: "todoist", syncedAtMs: nowMs - 1 }],
      })
    }))

  it.effect("a tool that failed may be read again once its time has come", () =>
    Effect.gen(function* () {
      const [early, late] = [yield* newUser, yield* newUser]
      yield* connect(early, "connected", nowMs - 9, { failures: 1, nextSyncAtMs: nowMs + 1 })
      yield* connect(late, "connected", nowMs - 9, { failures: 1, nextSyncAtMs: nowMs })
      expect(yield* situation(early)).toMatchObject({ connected: true, syncedAtMs: nowMs - 9, readable: [] })
      expect(yield* situation(late)).toMatchObject({ readable: [{ provider: "todoist", syncedAtMs: nowMs - 9 }] })
    }))

  it.effect("candidates come with the instant they wake, advice sleeps beside them, and what is over is awake", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const upserts = ["a", "b", "c"].map((id) => ({ owner, candidateId: id, candidate: todo(id) }))
      yield* Candidates.use((store) => store.apply({ upserts, removes: [], wakes: [] }))
      yield* sleep(owner, "a", nowMs + 1)
      yield* sleep(owner, "b", nowMs)
      yield* sleep(owner, "library:x", nowMs + 5)
      const { candidates, sleeps } = yield* situation(owner)
      expect(candidates.toSorted((one, other) => one.candidateId < other.candidateId ? -1 : 1))
        .toEqual([todo("a", { sleepsUntilMs: nowMs + 1 }), todo("b"), todo("c")])
      expect(sleeps).toEqual(new Map([["a", nowMs + 1], ["library:x", nowMs + 5]]))
    }))

  it.effect("what is kept between two questions is never served once it has changed, whoever changed it", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const sql = yield* SqlClient.SqlClient
      const titles = Effect.map(situation(owner), ({ candidates }) => candidates.map(({ title }) => title).toSorted())
      const put = (candidateId: string, title: string) =>
        Candidates.use((store) =>
          store.apply({
            upserts: [{ owner, candidateId, candidate: todo(candidateId, { title }) }],
            removes: [],
            wakes: [],
          })
        )
      expect(yield* titles).toEqual([])
      yield* put("a", "one")
      yield* put("b", "two")
      expect([yield* titles, yield* titles]).toEqual([["one", "two"], ["one", "two"]])
      yield* put("a", "three")
      expect(yield* titles).toEqual(["three", "two"])
      // Past every port, as another process would.
      yield* sql`UPDATE candidates SET candidate = jsonb_set(candidate, '{title}', '"four"')
        WHERE user_id = ${owner.userId} AND candidate_id = 'b'`
      expect(yield* titles).toEqual(["four", "three"])
      yield* sql`DELETE FROM candidates WHERE user_id = ${owner.userId} AND candidate_id = 'a'`
      expect(yield* titles).toEqual(["four"])
      yield* sql`DELETE FROM candidates WHERE user_id = ${owner.userId}`
      expect(yield* titles).toEqual([])
    }))

  it.effect("what a transaction changed and took back is seen within it only", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const sql = yield* SqlClient.SqlClient
      const put = (title: string) =>
        Candidates.use((store) =>
          store.apply({
            upserts: [{ owner, candidateId: "a", candidate: todo("a", { title }) }],
            removes: [],
            wakes: [],
          })
        )
      const seen = Effect.map(situation(owner), ({ candidates }) => candidates.map(({ title }) => title))
      yield* put("one")
      yield* sql.withTransaction(Effect.gen(function* () {
        yield* put("two")
        expect(yield* seen).toEqual(["two"])
        return yield* Effect.fail("no")
      })).pipe(Effect.flip)
      expect(yield* seen).toEqual(["one"])
    }))

  it.effect("done and dismissed of the last seven days are counted, and nothing else", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      yield* reacted(owner, "done", nowMs)
      yield* reacted(owner, "done", nowMs - weekMs + 1)
      yield* reacted(owner, "done", nowMs - weekMs)
      yield* reacted(owner, "dismiss", nowMs - 1)
      yield* reacted(owner, "save", nowMs - 1)
      expect(yield* situation(owner)).toMatchObject({ doneLast7Days: 2, dismissedLast7Days: 1 })
    }))

  it.effect("users asked about at the same time each get what is known of them, a stranger nothing", () =>
    Effect.gen(function* () {
      const owners = yield* Effect.forEach(
        ["a", "b", "c"],
        Effect.fnUntraced(function* (id) {
          const owner = yield* newUser
          yield* Candidates.use((store) =>
            store.apply({ upserts: [{ owner, candidateId: id, candidate: todo(id) }], removes: [], wakes: [] })
          )
          return owner
        }),
      )
      const stranger = { tenantId: acme, userId: UserId.make("nobody") }
      const everybody = [...owners, stranger, ...owners.toReversed()]
      for (const _ of ["new", "kept"]) {
        const found = yield* Effect.forEach(everybody, situation, { concurrency: "unbounded" })
        expect(found.map(({ candidates }) => candidates.map(({ candidateId }) => candidateId)))
          .toEqual([["a"], ["b"], ["c"], [], ["c"], ["b"], ["a"]])
      }
    }))

  it.effect("nothing of it is another user's", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      yield* connect(other, "connected", nowMs)
      yield* sleep(other, "a", nowMs + 1)
      yield* reacted(other, "done", nowMs)
      yield* Candidates.use((store) =>
        store.apply({ upserts: [{ owner: other, candidateId: "a", candidate: todo("a") }], removes: [], wakes: [] })
      )
      expect(yield* situation(owner)).toEqual({ ...nothing, timeZone: "Europe/Berlin" })
    }))
})
