/**
 * Actors of one process: a supervised fiber per active id, nothing for the others.
 *
 * An idle actor is a suspended fiber and one plain object; all idle clocks share one timer, all time limits of asks
 * another. Closing the scope drains in order, for at most `askTimeoutMs` (by then every asker has an answer) or, after
 * an earlier `drain`, not again; then it answers who still waits and interrupts what is left. When it is closed, the
 * finalizers of all actors have run.
 */
import { Clock, Context, Effect, Exit, FiberMap, Metric, Scheduler, type Scope, Tracer } from "effect"
import { ActorStopped, type ActorSystem, AskTimeout, type EngineOptions, type MailboxFull } from "./ActorSystem.ts"
import * as Deadlines from "./Deadlines.ts"
import { type Cell, type Host, type Later, type Letter, lifetime, wake } from "./LocalActor.ts"
import * as Roster from "./LocalRoster.ts"

/** What the engine's parts share. */
interface Engine<Message, Reply, E> {
  readonly name: string
  readonly askTimeoutMs: number
  readonly coolDownMs: number
  readonly nowMs: () => number
  readonly later: Later
  readonly roster: Roster.Roster<Message, Reply, E>
  readonly idle: Deadlines.Deadlines<Cell<Message, Reply, E>>
  /** The idle clocks of actors that crashed since they last handled a message: their count must not be forgotten. */
  readonly cooling: Deadlines.Deadlines<Cell<Message, Reply, E>>
  readonly unanswered: Deadlines.Deadlines<Letter<Message, Reply, E>>
}

export const make = Effect.fnUntraced(
  function* <Message, Reply, E, R>(
    options: EngineOptions<Message, Reply, E, R>,
  ): Effect.fn.Return<ActorSystem<Message, Reply, E>, never, R | Scope.Scope> {
    // Acquired in this order, released in reverse: time limits hold until the last fiber has ended.
    const engine = yield* makeEngine(options)
    const launch = yield* makeLaunch(engine, options)
    yield* Effect.addFinalizer(() => drainAndDismiss(engine))

    const { idle, cooling, unanswered, roster } = engine
    const passivateOldest = () => {
      const oldest = idle.oldest()
      if (oldest === undefined) return
      idle.remove(oldest)
      wake(engine.later, oldest)
    }
    const post = (
      id: string,
      message: Message,
      parent: Tracer.AnySpan | undefined,
      answer: Letter<Message, Reply, E>["answer"],
    ): Letter<Message, Reply, E> | MailboxFull | ActorStopped => {
      const cell = Roster.admit(roster, id, engine.nowMs, passivateOldest)
      if ("_tag" in cell) return cell
      const letter: Letter<Message, Reply, E> = { cell, message, parent, answer }
      cell.mailbox.push(letter)
      roster.open += 1
      if (answer !== undefined) unanswered.add(letter)
      if (!cell.live) launch(cell)
      idle.remove(cell)
      cooling.remove(cell)
      wake(engine.later, cell)
      return letter
    }

    return {
      ask: (id, message) =>
        Effect.withFiber((fiber) =>
          Effect.callback((resume) => {
            const letter = post(id, message, Context.getOrUndefined(fiber.context, Tracer.ParentSpan), resume)
            if ("_tag" in letter) return resume(refuse(engine.name, letter))
            return Effect.sync(() => {
              letter.answer = undefined
              unanswered.remove(letter)
              Roster.withdraw(roster, letter)
            })
          })
        ),
      tell: (id, message) =>
        Effect.withFiber((fiber) => {
          const letter = post(id, message, Context.getOrUndefined(fiber.context, Tracer.ParentSpan), undefined)
          return "_tag" in letter ? refuse(engine.name, letter) : Effect.void
        }),
      snapshot: Effect.sync(() => Array.from(roster.cells.values(), Roster.view)),
      drain: drain(roster),
    }
  },
)

const makeEngine = Effect.fnUntraced(function* <Message, Reply, E, R>(options: EngineOptions<Message, Reply, E, R>) {
  const { askTimeoutMs, idleMs, name, restart } = options
  const clock = yield* Clock.Clock
  const roster = Roster.make<Message, Reply, E>(options)
  // One for all actors: a fiber that yields by itself gets, and keeps, its own.
  const dispatcher = (yield* Scheduler.Scheduler).makeDispatcher()
  const later: Later = (task) => dispatcher.scheduleTask(task, 0)
  const passivate = (cell: Cell<Message, Reply, E>) => wake(later, cell)
  const engine: Engine<Message, Reply, E> = {
    name,
    askTimeoutMs,
    coolDownMs: restart.coolDownMs,
    nowMs: () => Deadlines.monotonicMs(clock),
    later,
    roster,
    idle: yield* Deadlines.make(idleMs, passivate),
    cooling: yield* Deadlines.make(Math.max(idleMs, restart.coolDownMs), passivate),
    unanswered: yield* Deadlines.make(askTimeoutMs, (letter: Letter<Message, Reply, E>) => {
      Roster.withdraw(roster, letter)
      const timeout = new AskTimeout({ actor: name, id: letter.cell.id, timeoutMs: askTimeoutMs })
      answer(letter, Effect.andThen(count(timeouts, name), timeout))
    }),
  }
  return engine
})

/** Starts the fiber of a cell, and picks up what one leaves behind: a fiber map is silent about fibers that end. */
const makeLaunch = Effect.fnUntraced(
  function* <Message, Reply, E, R>(engine: Engine<Message, Reply, E>, options: EngineOptions<Message, Reply, E, R>) {
    const fibers = yield* FiberMap.make<string, void, never>()
    const host = makeHost(engine, options)
    // Actors outlive the span their engine was built in; a behaviour cannot rely on one, whatever its type says.
    const context = Context.omit(Tracer.ParentSpan)(yield* Effect.context<R>()) as Context.Context<R>
    const fork = Effect.runForkWith(context)

    return (cell: Cell<Message, Reply, E>): void => {
      cell.live = true
      cell.state = "running"
      engine.roster.poisoned.delete(cell)
      FiberMap.setUnsafe(
        fibers,
        cell.id,
        fork(Effect.onExit(lifetime(host, cell), (exit) => ended(engine, cell, exit))),
      )
    }
  },
)

const ended = <Message, Reply, E>(
  engine: Engine<Message, Reply, E>,
  cell: Cell<Message, Reply, E>,
  exit: Exit.Exit<void>,
): Effect.Effect<void> => {
  cell.live = false
  if (Exit.isSuccess(exit)) return Effect.void
  if (engine.roster.cells.get(cell.id) === cell) engine.roster.cells.delete(cell.id)
  if (cell.handling !== undefined) Roster.close(engine.roster)
  dismiss(engine, cell)
  if (engine.roster.draining) return Effect.void
  return Effect.logError(`a fiber of ${engine.name} ended unexpectedly`, exit.cause)
}

const makeHost = <Message, Reply, E, R>(
  engine: Engine<Message, Reply, E>,
  options: EngineOptions<Message, Reply, E, R>,
): Host<Message, Reply, E, R> => ({
  options,
  later: engine.later,
  rest: (cell) => (cell.failures > 0 ? engine.cooling : engine.idle).add(cell),
  settle: (letter, reply) => settle(engine, letter, reply),
  forget: (cell) => {
    engine.roster.cells.delete(cell.id)
  },
  poison: (cell) => {
    cell.coolUntilMs = engine.nowMs() + engine.coolDownMs
    engine.roster.poisoned.add(cell)
  },
  crashed: (cell, cause) => {
    const poisoned = cell.state === "poisoned"
    const log = poisoned
      ? Effect.logError("actor poisoned: it crashed too often in a row", cause)
      : Effect.logWarning("actor crashed, restarting", cause)
    return log.pipe(
      Effect.andThen(count(poisoned ? poisonings : restarts, engine.name)),
      Effect.annotateLogs({ actor: engine.name, id: cell.id, failures: cell.failures }),
    )
  },
  unheard: (cell, cause) =>
    Effect.logWarning("a message failed and nobody waited for the answer", cause).pipe(
      Effect.andThen(count(unheard, engine.name)),
      Effect.annotateLogs({ actor: engine.name, id: cell.id }),
    ),
})

/** False if nobody waits for the answer any more. */
const answer = <Message, Reply, E>(
  letter: Letter<Message, Reply, E>,
  reply: Effect.Effect<Reply, E | ActorStopped | AskTimeout>,
): boolean => {
  const resume = letter.answer
  letter.answer = undefined
  resume?.(reply)
  return resume !== undefined
}

const settle = <Message, Reply, E>(
  engine: Engine<Message, Reply, E>,
  letter: Letter<Message, Reply, E>,
  reply: Effect.Effect<Reply, E | ActorStopped | AskTimeout>,
): boolean => {
  engine.unanswered.remove(letter)
  Roster.close(engine.roster)
  return answer(letter, reply)
}

/** Answers everyone who waits for this actor. A handler that runs is not touched. */
const dismiss = <Message, Reply, E>(engine: Engine<Message, Reply, E>, cell: Cell<Message, Reply, E>): void => {
  const stopped = (reason: ActorStopped["reason"]) => new ActorStopped({ actor: engine.name, id: cell.id, reason })
  const reason = engine.roster.draining ? "draining" : "interrupted"
  for (const letter of cell.mailbox.splice(0)) settle(engine, letter, stopped(reason))
  if (cell.handling === undefined) return
  engine.unanswered.remove(cell.handling)
  answer(cell.handling, stopped("interrupted"))
}

const drain = <Message, Reply, E>(roster: Roster.Roster<Message, Reply, E>): Effect.Effect<void> =>
  Effect.suspend(() => {
    roster.draining = true
    return roster.open === 0 ? Effect.void : roster.quiet.await
  })

/** Whoever called `drain` before has set how long the end may take; otherwise it is as long as an asker would wait. */
const drainAndDismiss = <Message, Reply, E>(engine: Engine<Message, Reply, E>) =>
  Effect.suspend(() =>
    engine.roster.draining
      ? Effect.void
      : Effect.timeoutOption(Effect.interruptible(drain(engine.roster)), engine.askTimeoutMs)
  ).pipe(
    Effect.andThen(Effect.sync(() => {
      for (const cell of engine.roster.cells.values()) dismiss(engine, cell)
    })),
  )

// --- Metrics ---

const restarts = Metric.counter("tip_actors_restarts_total", {
  description: "Crashes of an actor answered by a restart",
  incremental: true,
})
const poisonings = Metric.counter("tip_actors_poisoned_total", {
  description: "Actors that crashed too often in a row and refuse for a while",
  incremental: true,
})
const refusals = Metric.counter("tip_actors_refusals_total", {
  description: "Messages not accepted, by reason",
  incremental: true,
})
const timeouts = Metric.counter("tip_actors_ask_timeouts_total", {
  description: "Asks without an answer in time",
  incremental: true,
})
const unheard = Metric.counter("tip_actors_unheard_failures_total", {
  description: "Handler failures that no caller waited for",
  incremental: true,
})

// By kind of actor only: an id as an attribute would make a time series per user.
const count = (counter: Metric.Counter<number>, actor: string, attributes: { readonly reason?: string } = {}) =>
  Metric.update(Metric.withAttributes(counter, { actor, ...attributes }), 1)

const refuse = <A extends MailboxFull | ActorStopped>(actor: string, refusal: A): Effect.Effect<never, A> =>
  Effect.andThen(
    count(refusals, actor, { reason: refusal._tag === "MailboxFull" ? refusal.bound : refusal.reason }),
    Effect.fail(refusal),
  )
