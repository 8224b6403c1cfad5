/**
 * Reads a user's tasks out of a tool they use, and acts on them there.
 *
 * One call is one consistent step: acts first, then everything that changed since the cursor. It stores nothing and
 * waits for nothing: what it returns counts once the caller has committed it, and a call whose result was lost is
 * repeated with the same cursor and the same acts. Pacing, backoff and token refresh belong to the caller.
 *
 * The errors are one per thing a caller does differently. None holds a token, a body or anything of the user.
 */
import { Context, type Effect, type Redacted, Schema } from "effect"
import { Provider, type Task } from "../../schemas/Task.ts"

/** What one call may carry: Todoist refuses more than 100 commands. A longer queue is drained in several calls. */
export const actsMax = 100

export interface Act {
  /** A UUID. The provider executes it at most once, however often it is sent. */
  readonly actId: string
  /** Of a recurring task: completes this occurrence and moves the due date on. */
  readonly kind: "complete"
  readonly taskId: string
}

export interface ActOutcome {
  readonly actId: string
  /** `missing`: there is no such task any more. `failed`: refused, or the provider did not say. */
  readonly outcome: "done" | "missing" | "failed"
  /** Why it failed, as a code of the provider's. Never personal data. */
  readonly detail?: string
}

export interface TaskObservation {
  readonly task: Task
  /** `removed`: deleted, out of the user's sight, or no longer theirs to do. */
  readonly state: "open" | "completed" | "removed"
}

export interface SyncResult {
  /** Opaque; to be handed to the next call once `tasks` and `acted` are stored. */
  readonly cursor: string
  /** True: `tasks` are all the open tasks there are, and one that is absent is gone. */
  readonly isSnapshot: boolean
  /** At most one per task, in its last state. */
  readonly tasks: ReadonlyArray<TaskObservation>
  /** One per act, in their order. */
  readonly acted: ReadonlyArray<ActOutcome>
  /** The user's IANA zone as the provider has it; null when it has none that this runtime knows. */
  readonly timeZone: string | null
  /** How many tasks were left out because they could not be understood. */
  readonly quarantined: number
}

/** The token is dead: the user has to connect again. */
export class TokenRejected extends Schema.TaggedError<TokenRejected>()("TokenRejected", {
  provider: Provider,
  /** Null when the token was refused before it was sent, because no provider issues such a one. */
  status: Schema.NullOr(Schema.Int),
}) {
  override get message() {
    return `${this.provider} rejected the token (${this.status === null ? "malformed" : `status ${this.status}`})`
  }
}

/** The token lives but may not do this: the user has to grant more. */
export class ScopeMissing extends Schema.TaggedError<ScopeMissing>()("ScopeMissing", { provider: Provider }) {
  override get message() {
    return `${this.provider}: the token lacks the scope for this call`
  }
}

/** Too many calls for this user. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  provider: Provider,
  /** What the provider asked for, bounded; null when it did not say. */
  retryAfterMs: Schema.NullOr(Schema.Int),
}) {
  override get message() {
    return `${this.provider} limits the rate (retry after ${this.retryAfterMs ?? "an unknown number of"} ms)`
  }
}

/** Nothing can be said about the request; the same one may succeed later. It may have been executed. */
export class ProviderUnavailable extends Schema.TaggedError<ProviderUnavailable>()("ProviderUnavailable", {
  provider: Provider,
  reason: Schema.Literals(["connection", "timeout", "server-error", "html", "malformed", "incomplete"]),
  status: Schema.NullOr(Schema.Int),
  /** What the provider asked for, bounded; null when it did not say. */
  retryAfterMs: Schema.NullOr(Schema.Int),
}) {
  override get message() {
    return `${this.provider} is unavailable: ${this.reason} (status ${this.status ?? "none"})`
  }
}

/** The provider understood and refused, or moved: the same request will not succeed. A matter for the operator. */
export class ProviderRefused extends Schema.TaggedError<ProviderRefused>()("ProviderRefused", {
  provider: Provider,
  status: Schema.Int,
  /** The provider's code for it, or one of ours in lower case. */
  tag: Schema.NullOr(Schema.String),
}) {
  override get message() {
    return `${this.provider} refused the request (status ${this.status}, ${this.tag ?? "no code"})`
  }
}

export type ConnectorError = TokenRejected | ScopeMissing | RateLimited | ProviderUnavailable | ProviderRefused

export interface SyncRequest {
  readonly token: Redacted.Redacted<string>
  /** From the last committed result; null reads from the start. */
  readonly cursor: string | null
  /** At most `actsMax`; more is a defect. */
  readonly acts: ReadonlyArray<Act>
}

export class Connector extends Context.Service<Connector, {
  readonly provider: Provider
  /**
   * Performs `acts`, then reads everything since `cursor`. An act that could not be carried out is an outcome, not an
   * error; after an error the acts may or may not have been carried out, and sending them again is safe.
   */
  readonly sync: (request: SyncRequest) => Effect.Effect<SyncResult, ConnectorError>
}>()("tipstream/connectors/Connector") {}
