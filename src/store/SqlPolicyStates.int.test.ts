import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { TenantId } from "../../schemas/ids.ts"
import { featureSchemaHash } from "../recommender/features.ts"
import { initialLearner } from "../recommender/Learner.ts"
import { LinearModel } from "../recommender/LinearModel.ts"
import { PolicyStates } from "../recommender/PolicyStates.ts"
import type { SavedState } from "../recommender/PolicyStates.ts"
import * as ServingStates from "../recommender/ServingStates.ts"
import * as Store from "./store.fixture.ts"

const stateAt = (position: number): SavedState => {
  const { model } = initialLearner()
  for (let n = 0; n < position; n++) model.update(new Float64Array(model.coefficients().length).fill(n / 10), 0.5)
  return { position, updates: position, hash: model.hash(), model: model.encode() }
}
const newTenant = () => TenantId.make(randomUUID())

layer(Store.layer)("policy states in sql", (it) => {
  it.effect("come back as they were saved, each tenant's own, the last one", () =>
    Effect.gen(function* () {
      const store = yield* PolicyStates
      const [one, other] = [newTenant(), newTenant()]
      expect(yield* store.load(one)).toBeUndefined()
      yield* store.save(one, stateAt(1), Effect.void)
      yield* store.save(one, stateAt(2), Effect.void)
      yield* store.save(other, stateAt(3), Effect.void)
      const saved = yield* store.load(one)
      expect({ ...saved, model: Uint8Array.from(saved!.model) }).toEqual(stateAt(2))
      expect(LinearModel.decode(saved!.model, featureSchemaHash).hash()).toBe(saved!.hash)
      expect((yield* store.load(other))?.position).toBe(3)
    }))

  it.effect("are published after the commit, never during, and never after a rollback", () =>
    Effect.gen(function* () {
      const store = yield* PolicyStates
      const sql = yield* SqlClient.SqlClient
      const tenant = newTenant()
      const published: Array<number> = []
      const save = (position: number) =>
        store.save(tenant, stateAt(position), Effect.sync(() => void published.push(position)))
      yield* sql.withTransaction(Effect.gen(function* () {
        yield* save(1)
        expect(published).toEqual([])
      }))
      expect(published).toEqual([1])
      yield* sql.withTransaction(Effect.andThen(save(2), Effect.fail("no"))).pipe(Effect.flip)
      expect(published).toEqual([1])
      expect((yield* store.load(tenant))?.position).toBe(1)
    }))

  it.effect("are what another process goes on serving with", () =>
    Effect.gen(function* () {
      const store = yield* PolicyStates
      const tenant = newTenant()
      yield* store.save(tenant, stateAt(2), Effect.void)
      yield* Effect.gen(function* () {
        const serving = yield* ServingStates.ServingStates
        expect(serving.current(tenant).learner.position).toBe(0)
        yield* serving.refresh(tenant)
        expect(serving.current(tenant)).toMatchObject({ hash: stateAt(2).hash, learner: { position: 2, updates: 2 } })
      }).pipe(Effect.provide(ServingStates.layer))
    }))
})
