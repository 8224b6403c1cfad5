/**
 * Brings newer data in before a decision: a sync of what is old, and the projector having seen what it brought. Waits
 * for as long as the budget lasts; the sync itself goes on beyond it.
 */
import { Effect, Fiber, Layer, Schedule } from "effect"
import { Actors } from "../actors/Actors.ts"
import { projectorDurable } from "../recommender/Projector.ts"
import { Freshness } from "../recommender/Recommender.ts"
import { Inbox } from "../streams/Inbox.ts"

/** A look is one read by key; projecting takes some ten milliseconds from the commit on. */
const lookEvery = Schedule.spaced("5 millis")

export const layer = (budgetMs: number) =>
  Layer.effect(
    Freshness,
    Effect.gen(function* () {
      const { ask } = yield* Actors
      const { handled } = yield* Inbox
      const scope = yield* Effect.scope

      const projected = Effect.fnUntraced(function* (eventId: string | null) {
        if (eventId === null) return
        yield* handled(projectorDurable, eventId).pipe(
          Effect.repeat({ until: (isDone: boolean) => isDone, schedule: lookEvery }),
        )
      })

      return Freshness.of({
        refresh: Effect.fnUntraced(function* (owner) {
          const syncing = yield* Effect.forkIn(
            ask(owner, { _tag: "SyncNow", provider: null, reason: "stale" }),
            scope,
          )
          yield* Fiber.join(syncing).pipe(
            Effect.flatMap(({ lastEventId }) => projected(lastEventId)),
            // What failed is the actor's to note; old data is served, and says how old it is.
            Effect.ignore,
            Effect.timeoutOption(budgetMs),
          )
        }),
      })
    }),
  )
