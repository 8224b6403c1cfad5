import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { streamNames } from "../streams/names.ts"
import type { StreamName } from "../streams/names.ts"
import { forget, retentionMs } from "./retention.ts"
import { Decisions } from "../recommender/Decisions.ts"
import { decisionOf, newUser, nowMs, servedEventOf } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

const dayMs = 86_400_000
const options = { outboxKeepMs: 600_000 }

interface Stored {
  readonly sequence: number | null
  readonly partition?: number
  readonly ageMs?: number
}

const start = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* TestClock.setTime(nowMs)
  yield* sql`TRUNCATE outbox, lanes, inbox, idempotency_keys, sleeps, acts, dead_letters, sessions, gone_tasks,
    webhook_deliveries, oauth_attempts`
})

/** Events of a stream, a millisecond older than it keeps them unless said otherwise. */
const store = Effect.fnUntraced(function* (stream: StreamName, ...events: ReadonlyArray<Stored>) {
  const sql = yield* SqlClient.SqlClient
  for (const { ageMs = retentionMs[stream] + 1, partition = 0, sequence } of events) {
    yield* sql`INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms, sequence)
      VALUES (${randomUUID()}, ${stream}, ${partition}, 's', '{}', '', ${nowMs - ageMs}, ${sequence})`
  }
})
const lane = Effect.fnUntraced(function* (durable: string, stream: StreamName, lane: number | "all", cursor: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO lanes (durable, lane, stream, whole_stream, cursor)
    VALUES (${durable}, ${lane === "all" ? 0 : lane}, ${stream}, ${lane === "all"}, ${cursor})`
})
const left = Effect.fnUntraced(function* (stream: StreamName) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly partition: number; readonly sequence: number | null }>`
    SELECT partition, sequence FROM outbox WHERE stream = ${stream} ORDER BY sequence NULLS LAST`
  return rows.map(({ sequence }) => sequence)
})

layer(Store.layer)("retention of events", (it) => {
  it.effect("what every consumer has settled goes once it is old enough, and not a millisecond before", () =>
    Effect.gen(function* () {
      yield* start
      for (const stream of streamNames) {
        yield* store(stream, { sequence: 1 }, { sequence: 2, ageMs: retentionMs[stream] })
        yield* lane(`of ${stream}`, stream, "all", 2)
      }
      expect(yield* forget(options)).toBe(4)
      for (const stream of streamNames) expect(yield* left(stream)).toEqual([2])
      expect(retentionMs).toEqual({
        SIGNALS: 7 * dayMs,
        DECISIONS: 90 * dayMs,
        FEEDBACK: 90 * dayMs,
        ACCOUNTS: 90 * dayMs,
      })
    }))

  it.effect("what the slowest consumer has not settled stays, however old it is", () =>
    Effect.gen(function* () {
      yield* start
      yield* store("FEEDBACK", { sequence: 1 }, { sequence: 2 }, { sequence: 3, ageMs: 10_000 * dayMs }, {
        sequence: 4,
      })
      yield* lane("quick", "FEEDBACK", "all", 4)
      yield* lane("slow", "FEEDBACK", "all", 2)
      // Another stream's consumer has no say.
      yield* lane("elsewhere", "ACCOUNTS", "all", 0)
      yield* forget(options)
      expect(yield* left("FEEDBACK")).toEqual([3, 4])
      expect(yield* forget(options)).toBe(0)
    }))

  it.effect("a partition is kept back by its own lane, and by a consumer of the whole stream", () =>
    Effect.gen(function* () {
      yield* start
      const events = [1, 2, 3, 4].map((sequence) => ({ sequence, partition: sequence % 2 }))
      yield* store("SIGNALS", ...events)
      yield* lane("by partition", "SIGNALS", 0, 4)
      yield* lane("by partition", "SIGNALS", 1, 1)
      yield* forget(options)
      expect(yield* left("SIGNALS")).toEqual([3])
      yield* start
      yield* store("SIGNALS", ...events)
      yield* lane("by partition", "SIGNALS", 0, 4)
      yield* lane("by partition", "SIGNALS", 1, 4)
      yield* lane("whole", "SIGNALS", "all", 2)
      yield* forget(options)
      expect(yield* left("SIGNALS")).toEqual([3, 4])
    }))

  it.effect("what has no number yet stays; without any consumer the age decides", () =>
    Effect.gen(function* () {
      yield* start
      yield* store("DECISIONS", { sequence: 1 }, { sequence: null }, { sequence: 2, ageMs: 0 })
      expect(yield* forget(options)).toBe(1)
      expect(yield* left("DECISIONS")).toEqual([2, null])
    }))
})

layer(Store.layer)("retention of events a broker carries", (it) => {
  it.effect("what the broker has goes once it had time to reach its disk, whoever has read it; nothing else goes", () =>
    Effect.gen(function* () {
      yield* start
      const sql = yield* SqlClient.SqlClient
      const ages = [options.outboxKeepMs + 1, options.outboxKeepMs + 1, options.outboxKeepMs, 0]
      yield* store("SIGNALS", ...ages.map((_, index) => ({ sequence: index + 1 })), { sequence: 5 }, { sequence: null })
      for (const [index, ageMs] of ages.entries()) {
        yield* sql`UPDATE outbox SET published_at_ms = ${nowMs - ageMs} WHERE sequence = ${index + 1}`
      }
      yield* sql`UPDATE streams SET carried_by = 'jetstream', published_until = 4 WHERE stream = 'SIGNALS'`
      yield* lane("of before", "SIGNALS", "all", 0)
      expect(yield* forget(options)).toBe(2)
      expect(yield* left("SIGNALS")).toEqual([3, 4, 5, null])
      expect(yield* forget(options)).toBe(0)
      yield* sql`UPDATE streams SET carried_by = 'embedded', published_until = 0`
    }))
})

layer(Store.layer)("retention of the rest", (it) => {
  const put = Effect.fnUntraced(function* (ageMs: (keepMs: number) => number) {
    const sql = yield* SqlClient.SqlClient
    const { tenantId, userId } = yield* newUser
    const [day, month, twoMonths] = [1, 30, 60].map((days) => nowMs - ageMs(days * dayMs))
    const [now, twoHours] = [nowMs - ageMs(0), nowMs - ageMs(2 * 3_600_000)]
    const name = randomUUID()
    yield* sql`INSERT INTO inbox (durable, event_id, handled_at_ms) VALUES ('d', ${name}, ${twoMonths})`
    yield* sql`INSERT INTO idempotency_keys (tenant_id, user_id, key, request_hash, response, used_at_ms)
      VALUES (${tenantId}, ${userId}, ${name}, 'h', '{}', ${day})`
    yield* sql`INSERT INTO sessions (token_hash, tenant_id, user_id, created_at_ms, expires_at_ms)
      VALUES (${Buffer.from(name)}, ${tenantId}, ${userId}, 0, ${now})`
    yield* sql`INSERT INTO sleeps (tenant_id, user_id, candidate_id, until_ms, reaction, decision_id)
      VALUES (${tenantId}, ${userId}, 'c', ${now}, 'done', ${name})`
    yield* sql`INSERT INTO acts (act_id, tenant_id, user_id, provider, task_id, requested_at_ms, settled_at_ms)
      VALUES (${name}, ${tenantId}, ${userId}, 'todoist', 't', 0, ${month})`
    yield* sql`INSERT INTO gone_tasks (tenant_id, user_id, provider, task_id, gone_as, gone_at_ms)
      VALUES (${tenantId}, ${userId}, 'todoist', 't', 'deleted', ${month})`
    yield* sql`INSERT INTO webhook_deliveries (provider, delivery_id, seen_at_ms)
      VALUES ('todoist', ${name}, ${twoHours})`
    yield* sql`INSERT INTO oauth_attempts
        (state_hash, session_hash, tenant_id, user_id, provider, redirect_uri, expires_at_ms)
      VALUES (${Buffer.from(name)}, '', ${tenantId}, ${userId}, 'todoist', '', ${now})`
    yield* sql`INSERT INTO dead_letters
        (durable, stream, sequence, subject, headers, payload, reason, detail, attempts, died_at_ms)
      VALUES (${name}, 'SIGNALS', 1, 's', '{}', '', 'undecodable', '', 1, ${month})`
  })
  const counts = Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const [row] = yield* sql<Record<string, number>>`SELECT
      (SELECT count(*)::int FROM inbox) AS inbox, (SELECT count(*)::int FROM idempotency_keys) AS keys,
      (SELECT count(*)::int FROM sessions) AS sessions, (SELECT count(*)::int FROM sleeps) AS sleeps,
      (SELECT count(*)::int FROM acts) AS acts, (SELECT count(*)::int FROM dead_letters) AS letters,
      (SELECT count(*)::int FROM gone_tasks) AS gone, (SELECT count(*)::int FROM webhook_deliveries) AS webhooks,
      (SELECT count(*)::int FROM oauth_attempts) AS attempts`
    return row
  })
  const each = (n: number) => ({
    inbox: n,
    keys: n,
    sessions: n,
    sleeps: n,
    acts: n,
    letters: n,
    gone: n,
    webhooks: n,
    attempts: n,
  })

  it.effect("everything has its time, and is kept to the end of it", () =>
    Effect.gen(function* () {
      yield* start
      yield* put((keepMs) => keepMs)
      yield* put((keepMs) => keepMs + 1)
      expect(yield* counts).toEqual(each(2))
      expect(yield* forget(options)).toBe(9)
      expect(yield* counts).toEqual(each(1))
      expect(yield* forget(options)).toBe(0)
    }))

  it.effect("an act that waits is never forgotten", () =>
    Effect.gen(function* () {
      yield* start
      const sql = yield* SqlClient.SqlClient
      yield* put(() => 10_000 * dayMs)
      yield* sql`UPDATE acts SET settled_at_ms = NULL`
      yield* forget(options)
      expect(yield* counts).toEqual({ ...each(0), acts: 1 })
    }))

  it.effect("goes in steps of five thousand rows a table, until nothing is left", () =>
    Effect.gen(function* () {
      yield* start
      const sql = yield* SqlClient.SqlClient
      yield* sql`INSERT INTO inbox (durable, event_id, handled_at_ms)
        SELECT 'd', n::text, 0 FROM generate_series(1, 5001) n`
      yield* sql`INSERT INTO idempotency_keys (tenant_id, user_id, key, request_hash, response, used_at_ms)
        SELECT 't', 'u', n::text, 'h', '{}', 0 FROM generate_series(1, 5001) n`
      yield* sql`INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms, sequence)
        SELECT n::text, 'SIGNALS', 0, 's', '{}', '', 0, n FROM generate_series(1, 5001) n`
      expect([yield* forget(options), yield* forget(options), yield* forget(options)]).toEqual([15_000, 3, 0])
    }))

  it.effect("a decision goes after ninety days, with the reactions to it", () =>
    Effect.gen(function* () {
      yield* start
      const sql = yield* SqlClient.SqlClient
      const decision = decisionOf(yield* newUser)
      yield* Decisions.use((decisions) => decisions.commit(decision, servedEventOf(decision)))
      yield* sql`INSERT INTO reactions (event_id, decision_id, tenant_id, user_id, reaction, reacted_at_ms)
        VALUES ('e', ${decision.decisionId}, ${decision.owner.tenantId}, ${decision.owner.userId}, 'save', ${nowMs})`
      const rows = sql`SELECT 1 FROM decisions JOIN reactions USING (decision_id)`
      yield* TestClock.setTime(nowMs + 90 * dayMs)
      yield* forget(options)
      expect(yield* rows).toHaveLength(1)
      yield* TestClock.setTime(nowMs + 90 * dayMs + 1)
      yield* forget(options)
      expect(yield* rows).toHaveLength(0)
      expect(yield* sql`SELECT 1 FROM reactions`).toHaveLength(0)
    }))
})
