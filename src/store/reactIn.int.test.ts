import { expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { reactionKinds, reactionRecorded } from "../../schemas/events.ts"
import { TenantId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { Reaction } from "../../schemas/Tip.ts"
import { dueKey } from "../actors/UserSyncState.ts"
import { Decisions } from "../recommender/Decisions.ts"
import type { Decision, ReactRequest } from "../recommender/Decisions.ts"
import { completeActId } from "../recommender/Feedback.ts"
import { judge } from "../recommender/reactionState.ts"
import { actPickUpMs } from "./reactIn.ts"
import { decisionOf, eventsOf, hourMs, newDecisionId, newUser, nowMs, servedEventOf } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

const served = Effect.fnUntraced(function* (owner: Owner, given: Parameters<typeof decisionOf>[1] = {}) {
  const decision = decisionOf(owner, given)
  yield* Decisions.use((store) => store.commit(decision, servedEventOf(decision)))
  return decision
})

const react = Effect.fnUntraced(function* (
  { owner, decisionId }: Pick<Decision, "owner" | "decisionId">,
  reaction: Reaction,
  given: Partial<ReactRequest> = {},
) {
  const store = yield* Decisions
  const request: ReactRequest = {
    owner,
    decisionId,
    reaction,
    snoozeUntilMs: null,
    nowMs,
    eventId: randomUUID(),
    correlationId: "c",
    idempotencyKey: null,
    ...given,
  }
  return yield* store.react(
    request,
    (tip) => judge({ state: tip.state, kind: tip.tip.kind, expiresAtMs: tip.expiresAtMs }, request, request.nowMs),
    () =>
      reactionRecorded({ ...request.owner, id: request.eventId, atMs: request.nowMs, correlationId: "c" }, {
        decisionId: request.decisionId,
        reaction: reactionKinds[reaction],
      }),
  )
})

const reactionsOf = (owner: Owner) =>
  Effect.map(
    eventsOf(owner),
    (events) => events.flatMap(({ payload }) => payload.case === "reactionRecorded" ? [payload.value.decisionId] : []),
  )

const sleepsOf = (owner: Owner) =>
  Decisions.use((store) => Effect.map(store.situation(owner, nowMs), ({ sleeps }) => [...sleeps]))

/** A user whose Todoist is connected. */
const connectedUser = Effect.gen(function* () {
  const owner = yield* newUser
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO connections (tenant_id, user_id, provider, status, connected_at_ms)
    VALUES (${owner.tenantId}, ${owner.userId}, 'todoist', 'connected', ${nowMs})`
  return owner
})

const actsOf = Effect.fnUntraced(function* (owner: Owner) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`SELECT act_id, provider, task_id, settled_at_ms FROM acts WHERE user_id = ${owner.userId}`
})

const tags = (answers: ReadonlyArray<{ readonly verdict: { readonly _tag: string } }>) =>
  answers.map(({ verdict }) => verdict._tag).toSorted()

/** Somebody has come as far as the lock of another's transaction. */
const waitsForALock = SqlClient.SqlClient.use((sql) =>
  Effect.repeat(
    sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    { until: (rows) => rows.length > 0 },
  )
)

layer(Store.layer)("a reaction in sql", (it) => {
  it.effect("settles the tip, puts the candidate to sleep and is on the log", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const tip = yield* served(owner, { candidateId: "todoist:1" })
      const { verdict, tip: before } = yield* react(tip, "snooze", { nowMs: nowMs + 5 })
      expect([verdict._tag, before.state]).toEqual(["Accepted", "open"])
      const after = yield* Decisions.use((store) => store.find(owner, tip.decisionId))
      expect([after.state, after.reactedAtMs]).toEqual(["snooze", nowMs + 5])
      expect(yield* sleepsOf(owner)).toEqual([["todoist:1", nowMs + 5 + 3 * hourMs]])
      expect(yield* reactionsOf(owner)).toEqual([tip.decisionId])
      expect(yield* actsOf(owner)).toEqual([])
    }))

  it.effect("done of a task asks for its completion in its tool, under the id of the decision", () =>
    Effect.gen(function* () {
      const owner = yield* connectedUser
      const tip = yield* served(owner, { candidateId: "todoist:6X7:rM" })
      yield* react(tip, "done")
      expect(yield* actsOf(owner)).toEqual([
        { act_id: completeActId(tip.decisionId), provider: "todoist", task_id: "6X7:rM", settled_at_ms: null },
      ])
      yield* react(yield* served(owner, { candidateId: "library:let-one-go" }), "done")
      expect(yield* actsOf(owner)).toHaveLength(1)
    }))

  it.effect("edge case 20 - done of a recurring task names the occurrence the user saw, of any other task none", () =>
    Effect.gen(function* () {
      const owner = yield* connectedUser
      const sql = yield* SqlClient.SqlClient
      const expectedOf = Effect.fnUntraced(function* (candidateId: string, meta: Partial<Decision["tip"]["meta"]>) {
        const bare = decisionOf(owner, { candidateId })
        const decision = { ...bare, tip: { ...bare.tip, meta: { ...bare.tip.meta, ...meta } } }
        yield* Decisions.use((store) => store.commit(decision, servedEventOf(decision)))
        yield* react(decision, "done")
        const [row] = yield* sql<{ readonly expected_due: string | null }>`
          SELECT expected_due FROM acts WHERE act_id = ${completeActId(decision.decisionId)}`
        return row?.expected_due
      })
      const due = { date: "2026-06-10", atMs: nowMs + 123, isRecurring: true }
      const timed = { dueDate: due.date, dueAt: new Date(due.atMs).toISOString() }
      expect(yield* expectedOf("todoist:1", { ...timed, isRecurring: true })).toBe(dueKey(due))
      expect(yield* expectedOf("todoist:2", { dueDate: due.date, isRecurring: true })).toBe("2026-06-10")
      expect(yield* expectedOf("todoist:3", { ...timed, isRecurring: false })).toBeNull()
      expect(yield* expectedOf("todoist:4", {})).toBeNull()
    }))

  it.effect("done while a sync is under way waits for it, and brings the next one forward in the end", () =>
    Effect.gen(function* () {
      const owner = yield* connectedUser
      const sql = yield* SqlClient.SqlClient
      // Due in a moment, so that there is nothing to bring forward yet.
      yield* sql`UPDATE connections SET next_sync_at_ms = ${nowMs + 1} WHERE user_id = ${owner.userId}`
      const tip = yield* served(owner)
      const [begun, finish] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const sync = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function* () {
        yield* sql`UPDATE connections SET next_sync_at_ms = ${nowMs + 900_000} WHERE user_id = ${owner.userId}`
        yield* Deferred.succeed(begun, undefined)
        yield* Deferred.await(finish)
      })))
      yield* Deferred.await(begun)
      const reaction = yield* Effect.forkChild(react(tip, "done"))
      yield* waitsForALock
      yield* Deferred.succeed(finish, undefined)
      yield* Fiber.join(sync)
      yield* Fiber.join(reaction)
      const [row] = yield* sql`SELECT next_sync_at_ms FROM connections WHERE user_id = ${owner.userId}`
      expect(row).toEqual({ next_sync_at_ms: nowMs + actPickUpMs })
    }))

  it.effect("done of a task whose tool was disconnected asks for nothing, also not later", () =>
    Effect.gen(function* () {
      const owner = yield* connectedUser
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE connections SET status = 'disconnected' WHERE user_id = ${owner.userId}`
      expect((yield* react(yield* served(owner), "done")).verdict._tag).toBe("Accepted")
      expect(yield* actsOf(owner)).toEqual([])
    }))

  it.effect("done while a tool in trouble is being disconnected waits for it, and asks for nothing", () =>
    Effect.gen(function* () {
      const owner = yield* connectedUser
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE connections SET failures = 1 WHERE user_id = ${owner.userId}`
      const tip = yield* served(owner)
      const [begun, finish] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const leaving = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function* () {
        yield* sql`UPDATE connections SET status = 'disconnected' WHERE user_id = ${owner.userId}`
        yield* Deferred.succeed(begun, undefined)
        yield* Deferred.await(finish)
      })))
      yield* Deferred.await(begun)
      const reaction = yield* Effect.forkChild(react(tip, "done"))
      yield* Effect.raceFirst(waitsForALock, Fiber.await(reaction))
      yield* Deferred.succeed(finish, undefined)
      yield* Fiber.join(leaving)
      yield* Fiber.join(reaction)
      expect(yield* actsOf(owner)).toEqual([])
    }))

  it.effect("settles the other open tips of the same candidate, so that a recurring task is closed once", () =>
    Effect.gen(function* () {
      const owner = yield* connectedUser
      const candidateId = "todoist:1"
      const tips = [yield* served(owner, { candidateId }), yield* served(owner, { candidateId })]
      const other = yield* served(owner, { candidateId: "todoist:2" })
      const answers = yield* Effect.all(tips.map((tip) => react(tip, "done")), { concurrency: "unbounded" })
      expect(tags(answers)).toEqual(["Accepted", "Refused"])
      // Committed in the moment of the answer, from what was known before it.
      const late = yield* served(owner, { candidateId, servedAtMs: nowMs - 1 })
      expect((yield* react(late, "done")).verdict).toEqual({ _tag: "Refused", reason: "settled" })
      // Served after it: the next occurrence.
      const next = yield* served(owner, { candidateId, servedAtMs: nowMs + 1 })
      expect((yield* react(next, "done", { nowMs: nowMs + 2 })).verdict._tag).toBe("Accepted")
      expect(yield* actsOf(owner)).toHaveLength(2)
      expect((yield* Decisions.use((store) => store.find(owner, other.decisionId))).state).toBe("open")
    }))

  it.effect("that is refused or repeated changes nothing", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const tip = yield* served(owner)
      const late = yield* react(tip, "done", { nowMs: nowMs + hourMs })
      expect(late.verdict).toEqual({ _tag: "Refused", reason: "expired" })
      expect([yield* sleepsOf(owner), yield* actsOf(owner), yield* reactionsOf(owner)]).toEqual([[], [], []])
      yield* react(tip, "save")
      const sleeps = yield* sleepsOf(owner)
      expect((yield* react(tip, "save", { nowMs: nowMs + 1 })).verdict._tag).toBe("Repeated")
      expect((yield* react(tip, "done")).verdict._tag).toBe("Refused")
      expect(yield* sleepsOf(owner)).toEqual(sleeps)
      expect(yield* reactionsOf(owner)).toHaveLength(1)
    }))

  it.effect("to another user's tip, another tenant's or none finds no tip", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const tip = yield* served(owner)
      const strangers = [{ ...tip, owner: other }, { ...tip, owner: { ...owner, tenantId: TenantId.make("evil") } }]
      for (const strange of [...strangers, { owner, decisionId: newDecisionId() }]) {
        expect(yield* Effect.flip(react(strange, "done"))).toMatchObject({
          _tag: "TipUnknown",
          tipId: strange.decisionId,
        })
      }
      expect((yield* Decisions.use((store) => store.find(owner, tip.decisionId))).state).toBe("open")
    }))

  it.effect("undone opens the tip again and wakes the candidate", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const tip = yield* served(owner)
      yield* react(tip, "dismiss")
      const undone = yield* react(tip, "undo")
      expect(undone.verdict).toMatchObject({ _tag: "Accepted", undone: "dismiss" })
      expect(yield* Decisions.use((store) => store.find(owner, tip.decisionId)))
        .toMatchObject({ state: "open", reactedAtMs: null })
      expect(yield* sleepsOf(owner)).toEqual([])
      expect(yield* reactionsOf(owner)).toHaveLength(2)
      expect((yield* react(tip, "done")).verdict._tag).toBe("Accepted")
    }))

  it.effect("undone leaves the sleep that a later tip of the same candidate caused", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const first = yield* served(owner, { candidateId: "todoist:1" })
      yield* react(first, "snooze")
      const later = yield* served(owner, { candidateId: "todoist:1", servedAtMs: nowMs + 1 })
      yield* react(later, "dismiss", { nowMs: nowMs + 2 })
      yield* react(first, "undo", { nowMs: nowMs + 3 })
      expect(yield* sleepsOf(owner)).toEqual([["todoist:1", nowMs + 2 + 14 * 24 * hourMs]])
    }))

  it.effect("whose event cannot be appended leaves nothing behind", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const tip = yield* served(owner)
      const store = yield* Decisions
      const request: ReactRequest = {
        owner,
        decisionId: tip.decisionId,
        reaction: "done",
        snoozeUntilMs: null,
        nowMs,
        eventId: randomUUID(),
        correlationId: "c",
        idempotencyKey: "k",
      }
      const accept = () => judge({ state: "open", kind: "todo", expiresAtMs: nowMs + 1 }, request, nowMs)
      const exit = yield* Effect.exit(store.react(request, accept, () => ({ ...servedEventOf(tip), type: "nowhere" })))
      expect(exit._tag).toBe("Failure")
      expect((yield* store.find(owner, tip.decisionId)).state).toBe("open")
      expect([yield* sleepsOf(owner), yield* actsOf(owner)]).toEqual([[], []])
      expect((yield* react(tip, "save", { idempotencyKey: "k" })).verdict._tag).toBe("Accepted")
    }))
})

layer(Store.layer)("reactions at the same time", (it) => {
  const rounds = Array.from({ length: 10 }, (_, round) => round)
  const together = { concurrency: "unbounded" } as const

  it.effect("to one tip: one is taken, the others see what it did", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      for (const _round of rounds) {
        const tip = yield* served(owner)
        const answers = yield* Effect.all(
          (["done", "dismiss", "snooze", "save"] as const).map((one) => react(tip, one)),
          together,
        )
        expect(tags(answers)).toEqual(["Accepted", "Refused", "Refused", "Refused"])
        const taken = answers.flatMap(({ verdict }) => verdict._tag === "Accepted" ? [verdict.state] : [])
        expect([(yield* Decisions.use((store) => store.find(owner, tip.decisionId))).state]).toEqual(taken)
      }
      expect(new Set(yield* reactionsOf(owner)).size).toBe(rounds.length)
      expect(yield* reactionsOf(owner)).toHaveLength(rounds.length)
    }))

  it.effect("the same said twice is one reaction", () =>
    Effect.gen(function* () {
      const owner = yield* connectedUser
      for (const _round of rounds) {
        const tip = yield* served(owner)
        const answers = yield* Effect.all([react(tip, "done"), react(tip, "done"), react(tip, "done")], together)
        expect(tags(answers)).toEqual(["Accepted", "Repeated", "Repeated"])
      }
      expect(yield* reactionsOf(owner)).toHaveLength(rounds.length)
      expect(yield* actsOf(owner)).toHaveLength(rounds.length)
    }))

  it.effect("under one idempotency key are one reaction with one answer", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      for (const round of rounds) {
        const tip = yield* served(owner)
        const request = () => react(tip, "dismiss", { idempotencyKey: `k${round}` })
        const answers = yield* Effect.all([request(), request(), request()], together)
        expect(tags(answers)).toEqual(["Accepted", "Accepted", "Accepted"])
        for (const answer of answers) expect(answer).toEqual(answers[0])
      }
      expect(yield* reactionsOf(owner)).toHaveLength(rounds.length)
    }))

  it.effect("to two tips under one key: one is taken, the other refused with nothing left of it", () =>
    Effect.gen(function* () {
      const owner = yield* connectedUser
      for (const round of rounds) {
        const tips = [yield* served(owner), yield* served(owner)]
        const exits = yield* Effect.all(
          tips.map((tip) => Effect.result(react(tip, "done", { idempotencyKey: `k${round}` }))),
          together,
        )
        const outcomes = exits.map((one) => one._tag === "Success" ? one.success.verdict._tag : one.failure._tag)
        expect(outcomes.toSorted()).toEqual(["Accepted", "IdempotencyKeyReused"])
        const states = yield* Effect.forEach(
          tips,
          ({ decisionId }) => Decisions.use((store) => Effect.map(store.find(owner, decisionId), ({ state }) => state)),
        )
        expect(states).toEqual(outcomes.map((one) => one === "Accepted" ? "done" : "open"))
      }
      expect(yield* actsOf(owner)).toHaveLength(rounds.length)
      expect(yield* reactionsOf(owner)).toHaveLength(rounds.length)
    }))
})

layer(Store.layer)("an idempotency key", (it) => {
  it.effect("gives the first answer again, whatever has become of the tip", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const tip = yield* served(owner)
      const key = { idempotencyKey: "first" }
      const answer = yield* react(tip, "dismiss", key)
      yield* react(tip, "undo")
      yield* react(tip, "done")
      expect(yield* react(tip, "dismiss", { ...key, nowMs: nowMs + 2 * hourMs })).toEqual(answer)
      expect((yield* Decisions.use((store) => store.find(owner, tip.decisionId))).state).toBe("done")
      expect(yield* reactionsOf(owner)).toHaveLength(3)
    }))

  it.effect("keeps a refusal too", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const tip = yield* served(owner)
      const refusal = yield* react(tip, "undo", { idempotencyKey: "k" })
      yield* react(tip, "dismiss")
      expect(yield* react(tip, "undo", { idempotencyKey: "k" })).toEqual(refusal)
    }))

  it.effect("of another request is refused: another reaction, another end of sleep, another tip", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const [tip, other] = [yield* served(owner), yield* served(owner)]
      yield* react(tip, "snooze", { idempotencyKey: "k", snoozeUntilMs: nowMs + hourMs })
      const others = [
        react(tip, "done", { idempotencyKey: "k" }),
        react(tip, "snooze", { idempotencyKey: "k" }),
        react(tip, "snooze", { idempotencyKey: "k", snoozeUntilMs: nowMs + 2 * hourMs }),
        react(other, "snooze", { idempotencyKey: "k", snoozeUntilMs: nowMs + hourMs }),
      ]
      for (const request of others) expect((yield* Effect.flip(request))._tag).toBe("IdempotencyKeyReused")
      expect((yield* Decisions.use((store) => store.find(owner, other.decisionId))).state).toBe("open")
    }))

  it.effect("belongs to its user: another may choose the same word", () =>
    Effect.gen(function* () {
      const tips = [yield* served(yield* newUser), yield* served(yield* newUser)]
      const answers = yield* Effect.forEach(tips, (tip) => react(tip, "save", { idempotencyKey: "k" }))
      expect(tags(answers)).toEqual(["Accepted", "Accepted"])
    }))
})
