/**
 * What every actor engine promises, whatever runs underneath.
 *
 * - One actor per id; it handles one message at a time, in the order they were accepted, and two instances of
 *   one id never overlap: the old one has run its finalizers before the next one loads.
 * - Every `ask` is answered exactly once: with the reply, the handler's own failure or defect, or an error below.
 * - Mailboxes live in memory: a crash of the process loses what was queued. What must survive is a row somewhere,
 *   and `behaviour` reads it.
 */
import { type Effect, Schema, type Scope } from "effect"

/** No room; nothing ran. Waiting a moment and asking again is the right answer to it. */
export class MailboxFull extends Schema.TaggedError<MailboxFull>()("MailboxFull", {
  actor: Schema.String,
  id: Schema.String,
  bound: Schema.Literals(["mailboxCapacity", "actorsMax"]),
  limit: Schema.Int,
}) {
  override get message() {
    return `${this.actor} ${this.id} takes no message now: ${this.bound} ${this.limit} reached`
  }
}

/**
 * - `draining`: the engine is stopping; the message never ran.
 * - `poisoned`: the actor crashed too often in a row; the message never ran, `retryAfterMs` says when one may.
 * - `interrupted`: the handler was cut off, by shutdown or by interrupting itself; whether it took effect is unknown.
 */
export class ActorStopped extends Schema.TaggedError<ActorStopped>()("ActorStopped", {
  actor: Schema.String,
  id: Schema.String,
  reason: Schema.Literals(["draining", "poisoned", "interrupted"]),
  retryAfterMs: Schema.optionalKey(Schema.Int),
}) {
  override get message() {
    const after = this.retryAfterMs === undefined ? "" : `, one attempt is allowed in ${this.retryAfterMs} ms`
    return `${this.actor} ${this.id} is ${this.reason}${after}`
  }
}

/** No answer in time. A handler that had begun runs on to its end, so whether it took effect is unknown. */
export class AskTimeout extends Schema.TaggedError<AskTimeout>()("AskTimeout", {
  actor: Schema.String,
  id: Schema.String,
  timeoutMs: Schema.Finite,
}) {
  override get message() {
    return `${this.actor} ${this.id} did not answer within ${this.timeoutMs} ms`
  }
}

/** `restarting`: waiting out the backoff after a crash. `poisoned`: crashed too often in a row, refusing for now. */
export type ActorState = "running" | "restarting" | "poisoned"

export interface ActorSnapshot {
  readonly id: string
  readonly state: ActorState
  /** Accepted and not begun. */
  readonly queued: number
  /** Since the actor was last passivated. */
  readonly restarts: number
  /** Name and first line of the last defect. */
  readonly lastFailure?: string
}

export interface ActorSystem<Message, Reply, E> {
  /**
   * A caller interrupted meanwhile leaves the actor and a handler that has begun untouched. A defect of the
   * handler reaches the caller as a defect.
   */
  readonly ask: (id: string, message: Message) => Effect.Effect<Reply, E | MailboxFull | ActorStopped | AskTimeout>
  /** Succeeds once the message is queued. A handler that then fails is logged and counted. */
  readonly tell: (id: string, message: Message) => Effect.Effect<void, MailboxFull | ActorStopped>
  /** Every actor in memory, at most `actorsMax` rows. */
  readonly snapshot: Effect.Effect<ReadonlyArray<ActorSnapshot>>
  /** Refuses new messages from now on for good, and completes when none is queued or running. Bound it by a timeout. */
  readonly drain: Effect.Effect<void>
}

/** How an actor comes back after a defect: always with a fresh `behaviour`, waiting longer each time. */
export interface RestartPolicy {
  /** Wait after the first crash; doubles with each crash in a row. */
  readonly baseMs: number
  /** No wait is longer. The real one is drawn from the upper half, so that crowds come back spread out. */
  readonly capMs: number
  /** Crashes in a row, with no message handled between them, that are answered by a restart; the next one poisons. */
  readonly restartsMax: number
  /** How long a poisoned actor refuses, and how long an idle one remembers that it crashed. */
  readonly coolDownMs: number
}

export interface EngineOptions<Message, Reply, E, R> {
  /** For logs, metrics and errors, for example `"UserSync"`. */
  readonly name: string
  /**
   * Runs on every start and restart: loads the state and returns the handler. What it adds to its scope is released
   * when the actor passivates, crashes or stops.
   *
   * A typed failure, of it or of the handler, is an answer: it goes to those who wait for one (for `behaviour`: all
   * queued) and crashes nothing. A defect is a crash: the caller whose message was being handled is told, the queued
   * ones stay queued for the next start.
   */
  readonly behaviour: (
    id: string,
  ) => Effect.Effect<(message: Message) => Effect.Effect<Reply, E, R>, E, R | Scope.Scope>
  /** Messages waiting per actor, beside the one being handled. */
  readonly mailboxCapacity: number
  /** An actor without a message for this long is unloaded. */
  readonly idleMs: number
  /** From accepting the message to the answer, the wait in the mailbox included. */
  readonly askTimeoutMs: number
  /** Actors in memory: busy, idle and poisoned. */
  readonly actorsMax: number
  readonly restart: RestartPolicy
}
