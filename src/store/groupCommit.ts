/**
 * Commits together what is asked for while earlier commits are under way: one statement, one flush and one round trip
 * for all of it. Nobody waits for company: while there is room an item is written at once, alone.
 *
 * Each caller hears of its own item, and only after the commit that holds it. When the database refuses a group its
 * items are tried one by one, so that what is wrong with one never costs another. A caller that stops waiting takes
 * nothing back.
 */
import { Cause, Deferred, Effect, Exit, Option, type Scope } from "effect"

/** While one flushes the next is being written, so the disk is never idle; more would only make groups small. */
const groupsMax = 3

/** A statement of this many decisions is below half a megabyte. */
const itemsPerGroupMax = 16

interface Waiting<A, E> {
  readonly item: A
  readonly done: Deferred.Deferred<void, E>
}

export const makeGroupCommit = Effect.fnUntraced(function* <A, E>(options: {
  readonly write: (items: ReadonlyArray<A>) => Effect.Effect<void, E>
  /** Whether a failure may be about a single item. Not so when the database is out of reach: all would wait again. */
  readonly isRefusal: (error: E) => boolean
}): Effect.fn.Return<(item: A) => Effect.Effect<void, E>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  /** As many as there are callers that wait. */
  const waiting: Array<Waiting<A, E>> = []
  let groups = 0

  const mayBeOfOne = (group: ReadonlyArray<Waiting<A, E>>, exit: Exit.Exit<void, E>): boolean =>
    group.length > 1 && Exit.isFailure(exit) &&
    Option.exists(Cause.findErrorOption(exit.cause), options.isRefusal)

  const commit = (group: ReadonlyArray<Waiting<A, E>>): Effect.Effect<void> =>
    options.write(group.map(({ item }) => item)).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (mayBeOfOne(group, exit)) return
          for (const { done } of group) Deferred.doneUnsafe(done, exit)
        })
      ),
      Effect.exit,
      Effect.flatMap((exit) =>
        mayBeOfOne(group, exit) ? Effect.forEach(group, (one) => commit([one]), { discard: true }) : Effect.void
      ),
    )

  const drain = Effect.gen(function* () {
    while (waiting.length > 0) yield* commit(waiting.splice(0, itemsPerGroupMax))
  }).pipe(Effect.ensuring(Effect.sync(() => groups--)))

  return (item) =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<void, E>()
      waiting.push({ item, done })
      if (groups >= groupsMax) return Deferred.await(done)
      groups++
      return Effect.andThen(Effect.forkIn(drain, scope), Deferred.await(done))
    })
})
