/**
 * The life of one local actor: waits for mail, loads, handles letters one at a time, passivates when idle, and
 * comes back after a defect. Everything between two `yield*` is one step that no other fiber can divide; the
 * check-and-remove of passivation and the bookkeeping of a crash rely on it.
 */
import { Cause, Effect, Exit, Random, type Scope, type Tracer } from "effect"
import {
  type ActorState,
  ActorStopped,
  type AskTimeout,
  type EngineOptions,
  type RestartPolicy,
} from "./ActorSystem.ts"

export interface Letter<Message, Reply, E> {
  readonly cell: Cell<Message, Reply, E>
  readonly message: Message
  /** The sender's span, so that the handler's spans continue its trace. */
  readonly parent: Tracer.AnySpan | undefined
  /** Resumes the asker. Absent for a tell, and once answered. */
  answer: ((reply: Effect.Effect<Reply, E | ActorStopped | AskTimeout>) => void) | undefined
}

/** All that is kept per actor, beside its fiber. Plain fields: there may be tens of thousands. */
export interface Cell<Message, Reply, E> {
  readonly id: string
  state: ActorState
  /** At most `mailboxCapacity`, which is what keeps taking from the front and from the middle cheap. */
  readonly mailbox: Array<Letter<Message, Reply, E>>
  handling: Letter<Message, Reply, E> | undefined
  /** A fiber runs for it. */
  live: boolean
  /** Set while the fiber waits for mail; see `wake`. */
  resume: ((effect: Effect.Effect<void>) => void) | undefined
  /** Crashes since a message was last handled. */
  failures: number
  restarts: number
  lastFailure: string | undefined
  /** Monotonic; when a poisoned actor may try again. */
  coolUntilMs: number
}

/** Runs a task in a later turn of the scheduler. */
export type Later = (task: () => void) => void

/** What the engine does for its actors. */
export interface Host<Message, Reply, E, R> {
  readonly options: EngineOptions<Message, Reply, E, R>
  readonly later: Later
  /** Starts the idle clock; it ends in `wake`. */
  readonly rest: (cell: Cell<Message, Reply, E>) => void
  /** The letter is done with. False if nobody waited for the answer. */
  readonly settle: (
    letter: Letter<Message, Reply, E>,
    reply: Effect.Effect<Reply, E | ActorStopped | AskTimeout>,
  ) => boolean
  /** Drops the cell of an actor that has nothing to do. */
  readonly forget: (cell: Cell<Message, Reply, E>) => void
  /** From here on the cell refuses, until its cool-down is over. */
  readonly poison: (cell: Cell<Message, Reply, E>) => void
  readonly crashed: (cell: Cell<Message, Reply, E>, cause: Cause.Cause<E>) => Effect.Effect<void>
  readonly unheard: (cell: Cell<Message, Reply, E>, cause: Cause.Cause<E>) => Effect.Effect<void>
}

export const makeCell = <Message, Reply, E>(id: string): Cell<Message, Reply, E> => ({
  id,
  state: "running",
  mailbox: [],
  handling: undefined,
  live: false,
  resume: undefined,
  failures: 0,
  restarts: 0,
  lastFailure: undefined,
  coolUntilMs: 0,
})

/** Never fails by itself. Ends when the actor is forgotten or poisoned; is interrupted only when the engine closes. */
export const lifetime = Effect.fnUntraced(
  function* <Message, Reply, E, R>(
    host: Host<Message, Reply, E, R>,
    cell: Cell<Message, Reply, E>,
  ): Effect.fn.Return<void, never, Exclude<R, Scope.Scope>> {
    // The sender forks this fiber, which begins at once; its own step ends first.
    yield* Effect.callback<void>((resume) => host.later(() => resume(Effect.void)))
    const incarnation = serve(host, cell).pipe(
      // Inside the scope, so that callers and the log hear of it before finalizers, which may take long.
      Effect.tapCause((cause) => fault(host, cell, cause)),
      Effect.scoped,
    )
    while (true) {
      // After a crash with nothing queued: load when somebody needs it.
      if (cell.mailbox.length === 0) yield* mailOrIdle(host, cell)
      if (cell.mailbox.length === 0) return host.forget(cell)
      const exit = yield* Effect.exit(incarnation)
      if (cell.state === "running" && Exit.isFailure(exit) && isCrash(exit.cause)) {
        // Not reported yet: a finalizer died.
        yield* fault(host, cell, exit.cause)
      }
      if (cell.state === "poisoned") return
      if (cell.state === "restarting") {
        yield* Effect.sleep(yield* backoffMs(host.options.restart, cell.failures))
        cell.state = "running"
        continue
      }
      // What arrived while finalizers ran is served by the next incarnation.
      if (cell.mailbox.length === 0) return host.forget(cell)
    }
  },
)

/** One incarnation: until idle, or until a crash, in which it fails with the cause and leaves `handling` to `fault`. */
const serve = Effect.fnUntraced(
  function* <Message, Reply, E, R>(
    host: Host<Message, Reply, E, R>,
    cell: Cell<Message, Reply, E>,
  ): Effect.fn.Return<void, E, R | Scope.Scope> {
    const handle = yield* host.options.behaviour(cell.id)
    while (true) {
      if (cell.mailbox.length === 0) yield* mailOrIdle(host, cell)
      if (cell.mailbox.length === 0) return
      yield* handleNext(host, cell, handle)
    }
  },
)

/** A frame of its own, so that an idle actor does not hold on to its last message and reply. */
const handleNext = <Message, Reply, E, R>(
  host: Host<Message, Reply, E, R>,
  cell: Cell<Message, Reply, E>,
  handle: (message: Message) => Effect.Effect<Reply, E, R>,
): Effect.Effect<void, E, R> => {
  const letter = cell.mailbox.shift()
  if (letter === undefined) return Effect.void
  cell.handling = letter
  const handled = Effect.suspend(() => handle(letter.message))
  const traced = letter.parent === undefined ? handled : Effect.withParentSpan(handled, letter.parent)
  return Effect.flatMap(Effect.exit(traced), (exit): Effect.Effect<void, E> => {
    if (Exit.isFailure(exit) && isCrash(exit.cause)) return Effect.failCause(exit.cause)
    cell.handling = undefined
    cell.failures = 0
    return !host.settle(letter, exit) && Exit.isFailure(exit) ? host.unheard(cell, exit.cause) : Effect.void
  })
}

/** Returns when there is mail, or when the idle clock ran out: the mailbox tells which. */
const mailOrIdle = <Message, Reply, E, R>(host: Host<Message, Reply, E, R>, cell: Cell<Message, Reply, E>) =>
  Effect.callback<void>((resume) => {
    // The runtime may have yielded between the caller's look at the mailbox and this one.
    if (cell.mailbox.length > 0) return resume(Effect.void)
    cell.resume = resume
    // Gives back what the queue grew to; there may be many idle actors.
    cell.mailbox.length = 0
    host.rest(cell)
  })

/** Ends the wait for mail, if there is one: in a later turn, since a sender must not run the handler on its stack. */
export const wake = <Message, Reply, E>(later: Later, cell: Cell<Message, Reply, E>): void => {
  const { resume } = cell
  if (resume === undefined) return
  cell.resume = undefined
  later(() => resume(Effect.void))
}

const fault = <Message, Reply, E, R>(
  host: Host<Message, Reply, E, R>,
  cell: Cell<Message, Reply, E>,
  cause: Cause.Cause<E>,
) =>
  Effect.suspend(() => {
    if (!isCrash(cause)) return refuseWaiting(host, cell, cause)
    strike(host, cell, cause)
    return host.crashed(cell, cause)
  })

/** `behaviour` failed in its own terms: that is the answer to all who wait. */
const refuseWaiting = <Message, Reply, E, R>(
  host: Host<Message, Reply, E, R>,
  cell: Cell<Message, Reply, E>,
  cause: Cause.Cause<E>,
) => {
  const unheard = cell.mailbox.splice(0).filter((letter) => !host.settle(letter, Effect.failCause(cause)))
  return Effect.forEach(unheard, () => host.unheard(cell, cause), { discard: true })
}

/** One step: whoever is answered here, and asks again at once, meets the actor in its new state. */
const strike = <Message, Reply, E, R>(
  host: Host<Message, Reply, E, R>,
  cell: Cell<Message, Reply, E>,
  cause: Cause.Cause<E>,
): void => {
  const { name, restart } = host.options
  const { handling, id } = cell
  cell.handling = undefined
  cell.failures += 1
  cell.lastFailure = firstLine(cause)
  const poisoned = cell.failures > restart.restartsMax
  cell.state = poisoned ? "poisoned" : "restarting"
  const waiting = poisoned ? cell.mailbox.splice(0) : []
  if (poisoned) host.poison(cell)
  else cell.restarts += 1

  if (handling !== undefined) {
    host.settle(
      handling,
      Cause.hasDies(cause) ? Effect.failCause(cause) : new ActorStopped({ actor: name, id, reason: "interrupted" }),
    )
  }
  for (const letter of waiting) {
    host.settle(letter, new ActorStopped({ actor: name, id, reason: "poisoned", retryAfterMs: restart.coolDownMs }))
  }
}

/** Anything but a typed failure. An interruption that is not the engine's leaves the state as unknown as a defect. */
const isCrash = <E>(cause: Cause.Cause<E>): boolean => !cause.reasons.every(Cause.isFailReason)

const backoffMs = (policy: RestartPolicy, failures: number) =>
  Effect.map(Random.next, (random) => {
    const ceilingMs = Math.min(policy.capMs, policy.baseMs * 2 ** (failures - 1))
    return ceilingMs * (0.5 + random / 2)
  })

/** Long enough to recognise a failure in a list of actors; the log has the whole cause. */
const failureCharsMax = 200

const firstLine = (cause: Cause.Cause<unknown>): string => {
  const failure = Cause.squash(cause)
  const text = failure instanceof Error ? `${failure.name}: ${failure.message}` : String(failure)
  return (text.split("\n", 1)[0] ?? "").slice(0, failureCharsMax)
}
