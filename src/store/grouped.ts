/**
 * Does together what is asked for while earlier groups are under way: one statement, one round trip and, where it
 * writes, one flush for all of it. Nobody waits for company: while there is room an item goes at once, with those of
 * the same instant.
 *
 * Each caller gets what became of its own item, and only after the group that holds it has ended, so after its commit.
 * When the database refuses a group its items are tried one by one, so that what is wrong with one never costs another.
 * A caller that stops waiting takes nothing back.
 */
import { Cause, Deferred, Effect, Exit, Option, type Scope } from "effect"

/** While one waits for the disk the next is being made, so neither idles; more would only make groups small. */
const groupsMax = 3

/** A statement of this many decisions is below half a megabyte. */
const itemsPerGroupMax = 16

export interface GroupedOptions<A, B, E> {
  /** One result for each item, in their order. */
  readonly run: (items: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>
  /** Whether a failure may be about a single item. Not so when the database is out of reach: all would wait again. */
  readonly isRefusal: (error: E) => boolean
}

interface Waiting<A, B, E> {
  readonly item: A
  readonly done: Deferred.Deferred<B, E>
}

export const makeGrouped = Effect.fnUntraced(function* <A, B, E>(
  { run, isRefusal }: GroupedOptions<A, B, E>,
): Effect.fn.Return<(item: A) => Effect.Effect<B, E>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const context = yield* Effect.context<never>()
  /** As many as there are callers that wait. */
  const waiting: Array<Waiting<A, B, E>> = []
  let groups = 0

  const mayBeOfOne = (group: ReadonlyArray<Waiting<A, B, E>>, exit: Exit.Exit<unknown, E>): boolean =>
    group.length > 1 && Exit.isFailure(exit) && Option.exists(Cause.findErrorOption(exit.cause), isRefusal)

  const runGroup = (group: ReadonlyArray<Waiting<A, B, E>>): Effect.Effect<void> =>
    run(group.map(({ item }) => item)).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (mayBeOfOne(group, exit)) return
          group.forEach(({ done }, place) => Deferred.doneUnsafe(done, Exit.map(exit, (results) => results[place]!)))
        })
      ),
      Effect.exit,
      Effect.flatMap((exit) =>
        mayBeOfOne(group, exit) ? Effect.forEach(group, (one) => runGroup([one]), { discard: true }) : Effect.void
      ),
    )

  const drain = Effect.gen(function* () {
    while (waiting.length > 0) yield* runGroup(waiting.splice(0, itemsPerGroupMax))
  }).pipe(
    Effect.ensuring(Effect.sync(() => groups--)),
    // A group is nobody's in particular: not of the transaction, nor of the trace, of the caller who came first.
    Effect.setContext(context),
  )

  return (item) =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<B, E>()
      waiting.push({ item, done })
      if (groups >= groupsMax) return Deferred.await(done)
      groups++
      return Effect.andThen(Effect.forkIn(drain, scope), Deferred.await(done))
    })
})
