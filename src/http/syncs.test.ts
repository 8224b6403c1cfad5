import { Context, Effect } from "effect"
import { describe, expect, it } from "vitest"
import { Actors } from "../actors/Actors.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { LateUser, SyncSummary } from "../actors/UserSyncStore.ts"
import { Connectors } from "../connectors/Connector.ts"
import type { ProviderCircuit } from "../connectors/Connector.ts"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import { connectorOf, connectorsOf } from "./pages/pages.fixture.ts"
import { lateSyncs, liveActors, providerProblems, syncsByProvider } from "./syncs.ts"

const summary: SyncSummary = {
  provider: "todoist",
  connected: 10,
  needsReconnect: 2,
  failing: 3,
  due: 4,
  lagMs: 5_000,
  problems: { RateLimited: 2, ProviderUnavailable: 1 },
}

const late: LateUser = {
  owner: { tenantId: defaultTenant, userId: UserId.make("u1") },
  provider: "todoist",
  status: "connected",
  syncedAtMs: 0,
  nextSyncAtMs: 60_000,
  failures: 3,
  problemCode: "RateLimited",
  lastProblem: "Todoist limits the rate",
}

const asked = <A, E>(
  effect: Effect.Effect<A, E, Actors | Connectors | UserSyncStore>,
  circuit: ProviderCircuit = { state: "closed", retryAtMs: null },
): Promise<A> => {
  const actor = (id: string, state: string) => ({ id, state, queued: 0, restarts: 0 })
  const connectors = connectorsOf(
    connectorOf({ circuit: Effect.succeed(circuit) }),
    connectorOf({ provider: "ical", grants: ["address"] }),
  )
  const store: Partial<UserSyncStore["Service"]> = {
    summary: () => Effect.succeed([summary]),
    late: (_, limit) => Effect.succeed([late, late].slice(0, limit)),
  }
  const context = Context.make(Connectors, connectors).pipe(
    Context.add(UserSyncStore, store as UserSyncStore["Service"]),
    Context.add(Actors, {
      ask: () => Effect.die("not asked for in this test"),
      snapshot: Effect.succeed([actor("a", "running"), actor("b", "poisoned"), actor("c", "running")]),
      drain: Effect.void,
    }),
  )
  return Effect.runPromise(Effect.provideContext(effect, context))
}

describe("how syncing goes", () => {
  it("is told of every tool, also of one that nobody uses", async () => {
    const { provider, ...counts } = summary
    const nothing = { connected: 0, needsReconnect: 0, failing: 0, due: 0, lagMs: 0, problems: {} }
    expect(await asked(syncsByProvider, { state: "open", retryAtMs: 0 })).toEqual([
      { provider, circuit: "open", retryAt: "1970-01-01T00:00:00.000Z", ...counts },
      { provider: "ical", circuit: "closed", retryAt: null, ...nothing },
    ])
  })

  it("names who is late and why, and nothing of what they have", async () => {
    expect(await asked(lateSyncs(1))).toEqual([{
      tenantId: "default",
      userId: "u1",
      provider: "todoist",
      status: "connected",
      lastSyncAt: "1970-01-01T00:00:00.000Z",
      nextSyncAt: "1970-01-01T00:01:00.000Z",
      failures: 3,
      code: "RateLimited",
      problem: "Todoist limits the rate",
    }])
  })

  it("counts live actors by state, and names those in trouble first", async () => {
    const { counts, shown } = await asked(liveActors(2))
    expect(counts).toEqual({ running: 2, poisoned: 1 })
    expect(shown.map(({ id }) => id)).toEqual(["b", "a"])
  })

  it("edge case 28 - a tool that is left alone, or gone, is a problem of the service", async () => {
    const problems = (state: ProviderCircuit["state"]) => asked(providerProblems, { state, retryAtMs: null })
    expect(await problems("open")).toEqual(["todoist does not answer, and is left alone for a while"])
    expect(await problems("gone")).toEqual(["todoist ended the version of its API that this release speaks"])
    expect([await problems("closed"), await problems("half-open")]).toEqual([[], []])
  })
})
