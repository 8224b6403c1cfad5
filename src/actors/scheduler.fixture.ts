/** A scheduler over a due queue in memory, actors that answer as told, and tools that are there or not. */
import { Clock, Effect, Layer, Logger, References } from "effect"
import type { Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Connectors } from "../connectors/Connector.ts"
import type { ConnectorShape, ProviderCircuit } from "../connectors/Connector.ts"
import { UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"
import { Actors } from "./Actors.ts"
import type { SyncReport } from "./Actors.ts"
import * as Scheduler from "./Scheduler.ts"
import type { SchedulerOptions } from "./Scheduler.ts"
import { anna, Store, Tool } from "./userSync.fixture.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import type { ClaimLimits, DueUser, SyncSummary } from "./UserSyncStore.ts"

export const startMs = 1_781_078_400_000

const user = (name: string): Owner => ({ ...anna, userId: UserId.make(name) })

export const synced: SyncReport = { status: "synced", changes: 0, syncedAtMs: startMs, lastEventId: null }

interface Turn {
  readonly name: string
  readonly provider: Provider
  readonly atMs: number
}

/** What the store keeps of who is due when, in the order of their turns. */
export class DueQueue {
  readonly #turns: Array<Turn> = []
  readonly #of = new Map<string, Turn>()
  readonly claims: Array<
    { readonly atMs: number; readonly provider: Provider; readonly limits: ClaimLimits; readonly taken: number }
  > = []
  readonly unclaimed: Array<string> = []
  /** Whose last sync failed. */
  readonly failed = new Set<string>()
  /** So many of the next claims fail. */
  failing = 0
  /** Runs while a claim is under way, after it was made. */
  meanwhile: Effect.Effect<void> = Effect.void
  summaries: ReadonlyArray<SyncSummary> = []

  set(name: string, atMs: number | null, provider: Provider = "todoist"): void {
    const key = `${provider}/${name}`
    const old = this.#of.get(key)
    if (old !== undefined) this.#turns.splice(this.#turns.indexOf(old, this.#firstAt(old.atMs)), 1)
    this.#of.delete(key)
    if (atMs === null) return
    const turn = { name, provider, atMs }
    this.#of.set(key, turn)
    this.#turns.splice(this.#firstAt(atMs + 1), 0, turn)
  }

  /** Where turns of this time and later begin. */
  #firstAt(atMs: number): number {
    let [low, high] = [0, this.#turns.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#turns[middle]!.atMs < atMs) low = middle + 1
      else high = middle
    }
    return low
  }

  turnOf(name: string, provider: Provider = "todoist"): number | undefined {
    return this.#of.get(`${provider}/${name}`)?.atMs
  }

  #claim(provider: Provider, nowMs: number, claimMs: number, limits: ClaimLimits): ReadonlyArray<DueUser> {
    const left = { ...limits, failing: this.failed.size === 0 ? 0 : limits.failing }
    const taken: Array<Turn> = []
    for (const turn of this.#turns) {
      if (turn.atMs > nowMs || left.healthy + left.failing === 0) break
      const kind = this.failed.has(turn.name) ? "failing" : "healthy"
      if (turn.provider !== provider || left[kind] === 0) continue
      left[kind] -= 1
      taken.push(turn)
    }
    for (const { name } of taken) this.set(name, nowMs + claimMs, provider)
    this.claims.push({ atMs: nowMs, provider, limits, taken: taken.length })
    return taken.map(({ name, atMs }) => ({
      owner: user(name),
      provider,
      isFailing: this.failed.has(name),
      dueAtMs: atMs,
      claimedUntilMs: nowMs + claimMs,
    }))
  }

  readonly service = UserSyncStore.of({
    ...new Store().service,
    claimDue: (provider, nowMs, claimMs, limits) =>
      Effect.suspend(() => {
        if (this.failing > 0) {
          this.failing -= 1
          return Effect.fail(new StoreUnavailable({ operation: "claim", cause: new Error("gone") }))
        }
        return Effect.tap(Effect.sync(() => this.#claim(provider, nowMs, claimMs, limits)), () => this.meanwhile)
      }),
    unclaim: (users) =>
      Effect.sync(() => {
        for (const { owner, provider, dueAtMs } of users) {
          this.unclaimed.push(owner.userId)
          this.set(owner.userId, dueAtMs, provider)
        }
      }),
    summary: () => Effect.sync(() => this.summaries),
  })
}

export interface SchedulerWorld {
  readonly queue: DueQueue
  /** Who was asked, in order, and when. */
  readonly asked: Array<{ readonly name: string; readonly provider: Provider; readonly atMs: number }>
  readonly circuits: Record<Provider, ProviderCircuit["state"]>
  /** Lines of the log, each with its level before it. */
  readonly lines: Array<string>
  /** Begins it, and lets it do what it does at once. */
  readonly begin: Effect.Effect<Fiber.Fiber<unknown, unknown>>
}

type Answer = (
  name: string,
  provider: Provider,
  queue: DueQueue,
) => ReturnType<Actors["Service"]["ask"]>

/** A user who was synced comes round in a quarter of an hour. */
const wellAnswered: Answer = (name, provider, queue) =>
  Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
    Effect.sync(() => {
      queue.set(name, nowMs + 900_000, provider)
      return synced
    }))

export const schedulerWorld = Effect.fnUntraced(function* (
  answer: Answer = wellAnswered,
  given: Partial<SchedulerOptions> = {},
) {
  yield* TestClock.setTime(startMs)
  const queue = new DueQueue()
  const asked: SchedulerWorld["asked"] = []
  const lines: Array<string> = []
  const circuits: SchedulerWorld["circuits"] = { todoist: "closed", ical: "closed" }
  const connectorOf = (provider: Provider): ConnectorShape => ({
    ...new Tool().connector,
    provider,
    circuit: Effect.sync(() => ({ state: circuits[provider], retryAtMs: null })),
  })
  const all = [connectorOf("todoist"), connectorOf("ical")]
  const actors = Actors.of({
    ask: (owner, message) =>
      Effect.gen(function* () {
        if (message._tag !== "SyncNow" || message.reason !== "due" || message.provider === null) {
          return yield* Effect.die(message)
        }
        asked.push({ name: owner.userId, provider: message.provider, atMs: yield* Clock.currentTimeMillis })
        return yield* answer(owner.userId, message.provider, queue)
      }),
    snapshot: Effect.succeed([]),
    drain: Effect.void,
  })
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
  const layer = Layer.mergeAll(
    Layer.succeed(Actors, actors),
    Layer.succeed(UserSyncStore, queue.service),
    Layer.succeed(Connectors, Connectors.of({ all, of: (name) => all.find(({ provider }) => provider === name) })),
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, "Debug"),
  )
  const options = { concurrency: 8, rateMax: 1_000, startDelayMs: 0, ...given }
  const world: SchedulerWorld = {
    queue,
    asked,
    circuits,
    lines,
    begin: Scheduler.run(options).pipe(
      Effect.provide(layer),
      Effect.forkDetach,
      Effect.tap(() => TestClock.adjust(0)),
    ),
  }
  return world
})

export const namesOf = ({ asked }: SchedulerWorld): ReadonlyArray<string> => asked.map(({ name }) => name)

/** u0 has been due longest. */
export const fill = ({ queue }: SchedulerWorld, count: number, provider: Provider = "todoist"): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, n) => {
    queue.set(`u${n}`, startMs - count + n, provider)
    return `u${n}`
  })
