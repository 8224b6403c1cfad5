import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { TenantId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { todo } from "../recommender/candidate.fixture.ts"
import { Candidates, keyText } from "../recommender/Candidates.ts"
import type { CandidateChanges, CandidateKey } from "../recommender/Candidates.ts"
import { newUser } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"

const apply = (changes: Partial<CandidateChanges>) =>
  Candidates.use((store) => store.apply({ upserts: [], removes: [], wakes: [], ...changes }))
const put = (owner: Owner, ...ids: ReadonlyArray<string>) =>
  apply({ upserts: ids.map((id) => ({ owner, candidateId: id, candidate: todo(id) })) })
const key = (owner: Owner, candidateId: string): CandidateKey => ({ owner, candidateId })
const load = (...keys: ReadonlyArray<CandidateKey>) => Candidates.use((store) => store.load(keys))

layer(Store.layer)("candidates in sql", (it) => {
  it.effect("are found by the keys asked for, as they were put", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const rich = todo("todoist:1", {
        title: `"quoted" \\ 'single' {"json":1} 🌱 \u2028`,
        body: "line\nline",
        labels: ["später", ""],
        dueDate: "2026-06-10",
        dueAtMs: 1_781_085_600_000,
        addedAtMs: 0,
        timesPostponed: 3,
      })
      yield* apply({ upserts: [{ owner, candidateId: "todoist:1", candidate: rich }] })
      yield* put(owner, "todoist:2")
      const found = yield* load(key(owner, "todoist:1"), key(owner, "todoist:9"))
      expect([...found]).toEqual([[keyText(key(owner, "todoist:1")), rich]])
      expect((yield* load()).size).toBe(0)
    }))

  it.effect("are replaced by what is put later, and go when they are removed, twice without harm", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      yield* put(owner, "a", "b")
      yield* apply({ upserts: [{ owner, candidateId: "a", candidate: todo("a", { title: "new" }) }] })
      const gone = { removes: [key(owner, "b"), key(owner, "never")] }
      yield* apply(gone)
      yield* apply(gone)
      const found = yield* load(key(owner, "a"), key(owner, "b"))
      expect([...found.values()].map(({ title }) => title)).toEqual(["new"])
    }))

  it.effect("of one id belong to different users and tenants", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const elsewhere = { ...owner, tenantId: TenantId.make("evil") }
      yield* put(owner, "a")
      yield* put(other, "a")
      yield* apply({ removes: [key(other, "a"), key(elsewhere, "a")] })
      expect([...(yield* load(key(owner, "a"), key(other, "a"), key(elsewhere, "a"))).keys()])
        .toEqual([keyText(key(owner, "a"))])
    }))

  it.effect("wake when they were done, and sleep on when they were put to sleep otherwise", () =>
    Effect.gen(function* () {
      const [owner, other] = [yield* newUser, yield* newUser]
      const sql = yield* SqlClient.SqlClient
      const sleeps: ReadonlyArray<readonly [Owner, string, string]> = [
        [owner, "done-1", "done"],
        [owner, "snoozed", "snooze"],
        [owner, "done-2", "done"],
        [other, "done-1", "done"],
      ]
      for (const [{ tenantId, userId }, id, reaction] of sleeps) {
        yield* sql`INSERT INTO sleeps (tenant_id, user_id, candidate_id, until_ms, reaction, decision_id)
          VALUES (${tenantId}, ${userId}, ${id}, 1, ${reaction}, ${randomUUID()})`
      }
      yield* apply({ wakes: [key(owner, "done-1"), key(owner, "snoozed"), key(owner, "never")] })
      const left = yield* sql<{ readonly user_id: string; readonly candidate_id: string }>`
        SELECT user_id, candidate_id FROM sleeps`
      expect(new Set(left.map((row) => `${row.user_id} ${row.candidate_id}`)))
        .toEqual(new Set([`${owner.userId} snoozed`, `${owner.userId} done-2`, `${other.userId} done-1`]))
    }))

  it.effect("change with the transaction they are changed in, or not at all", () =>
    Effect.gen(function* () {
      const owner = yield* newUser
      const sql = yield* SqlClient.SqlClient
      yield* put(owner, "old")
      const change = Effect.andThen(put(owner, "new"), apply({ removes: [key(owner, "old")] }))
      yield* sql.withTransaction(Effect.andThen(change, Effect.fail("no"))).pipe(Effect.flip)
      expect([...(yield* load(key(owner, "old"), key(owner, "new"))).keys()]).toEqual([keyText(key(owner, "old"))])
    }))
})
