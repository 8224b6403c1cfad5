/**
 * Brings newer data in before a decision: a sync of what is old, and the projector having seen what it brought. Waits
 * for as long as the budget lasts; the sync itself goes on beyond it.
 */
import { Effect, Fiber, Layer } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import type { Provider } from "../../schemas/Task.ts"
import { Actors } from "../actors/Actors.ts"
import { projectorDurable } from "../recommender/Projector.ts"
import { Freshness } from "../recommender/Recommender.ts"
import { Inbox } from "../streams/Inbox.ts"
import { Projected } from "./Projected.ts"

/** The projector of another process may have the user's lane, and tells nobody here. A look is one read by key. */
const lookEveryMs = 10

export const layer = (budgetMs: number) =>
  Layer.effect(
    Freshness,
    Effect.gen(function* () {
      const { ask } = yield* Actors
      const { handled } = yield* Inbox
      const projected = yield* Projected
      const scope = yield* Effect.scope
      /** Bounded by the requests that wait and the messages that actors take. */
      const underWay = new Map<string, Fiber.Fiber<boolean>>()

      const projectedAll = Effect.fnUntraced(function* (eventId: string | null) {
        if (eventId === null) return
        while (true) {
          const seen = projected.count()
          if (yield* handled(projectorDurable, eventId)) return
          yield* Effect.timeoutOption(projected.after(seen), lookEveryMs)
        }
      })

      /** Whether what the tool has is among the candidates now. */
      const brought = (owner: Owner, provider: Provider) =>
        ask(owner, { _tag: "SyncNow", provider, reason: "stale" }).pipe(
          // Nobody waits longer for the projector than for all of it.
          Effect.flatMap(({ lastEventId }) => Effect.timeout(projectedAll(lastEventId), budgetMs)),
          Effect.as(true),
          // What failed is the actor's to note; old data is served, and says how old it is.
          Effect.orElseSucceed(() => false),
        )

      /** Who asks while the answer is under way waits for that one. */
      const shared = Effect.fnUntraced(function* (owner: Owner, provider: Provider) {
        const key = `${owner.tenantId}/${owner.userId}/${provider}`
        const running = underWay.get(key)
        if (running !== undefined) return yield* Fiber.join(running)
        const ended = Effect.sync(() => underWay.delete(key))
        const fiber = yield* Effect.forkIn(Effect.ensuring(brought(owner, provider), ended), scope)
        if (fiber.pollUnsafe() === undefined) underWay.set(key, fiber)
        return yield* Fiber.join(fiber)
      })

      return Freshness.of({
        refresh: Effect.fnUntraced(function* (owner, providers) {
          const refreshed = new Set<Provider>()
          yield* Effect.forEach(
            providers,
            (provider) =>
              Effect.map(shared(owner, provider), (isThere) => {
                if (isThere) refreshed.add(provider)
              }),
            { concurrency: "unbounded", discard: true }, // bounded by the number of tools
          ).pipe(Effect.timeoutOption(budgetMs))
          return refreshed
        }),
      })
    }),
  )
