/**
 * What tipstream asks of a tool its users already have: to be let in, to be read, and to be acted on.
 *
 * A connector stores nothing and waits for nothing: what it returns counts once the caller has committed it, and a call
 * whose result was lost is repeated with the same cursor and the same acts. When to call, what to do after a failure
 * and where credentials are kept belong to the caller (src/actors/UserSync.ts). Adding one: docs/connectors.md.
 *
 * The errors are one per thing a caller does differently. None holds a token, a body or anything of the user.
 */
import { Context, type Effect, type Redacted, Schema, type Stream } from "effect"
import { Provider, type Task } from "../../schemas/Task.ts"
import type { Credential } from "./Credential.ts"

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
  /**
   * - `missing`: there is no such task any more.
   * - `conflict`: a recurring task moved on since the user saw it; nothing was sent.
   * - `forbidden`: the grant does not cover it, or the tool is read only; nothing was sent.
   * - `failed`: refused, or the provider did not say.
   */
  readonly outcome: "done" | "missing" | "conflict" | "forbidden" | "failed"
  /** Why, as a code of the provider's or ours. Never personal data. */
  readonly detail?: string
}

/**
 * `completed`: the user finished it. `deleted`: it is gone from the tool. `withdrawn`: it is there, but not ours to
 * show: archived, moved out of sight, or somebody else's.
 */
export type TaskState = "open" | "completed" | "deleted" | "withdrawn"

export interface TaskObservation {
  readonly task: Task
  readonly state: TaskState
}

/**
 * One thing a read brings. `Position` ends it and says that everything before it is all there was to read: a stream
 * that ends without one, for whatever reason, moved nothing.
 */
export type Signal =
  | { readonly _tag: "Task"; readonly observation: TaskObservation }
  /** Whose account it is at the tool, before any task; null where the tool has no such thing. The zone is IANA's. */
  | { readonly _tag: "Account"; readonly accountId: string | null; readonly timeZone: string | null }
  /** A task that could not be understood, left out. `taskId` null: not even that. */
  | { readonly _tag: "Quarantined"; readonly taskId: string | null }
  | {
    readonly _tag: "Position"
    /** Opaque; to be handed to the next read once everything before it is stored. */
    readonly cursor: string
    /** True: the tasks were all the open tasks there are, and one that is absent (and not quarantined) is gone. */
    readonly isSnapshot: boolean
  }

/** The credential is dead: the user has to connect again, if it cannot be refreshed. */
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
  /** `circuit-open`: not even tried, because the host has been failing for everybody. */
  reason: Schema.Literals([
    "connection",
    "timeout",
    "server-error",
    "html",
    "malformed",
    "incomplete",
    "circuit-open",
  ]),
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

/** The provider ended this version of its API (HTTP 410): no call of anybody succeeds until the operator acts. */
export class ProviderGone extends Schema.TaggedError<ProviderGone>()("ProviderGone", { provider: Provider }) {
  override get message() {
    return `${this.provider} ended the version of its API that this release speaks: look for a newer release`
  }
}

/** This tool is not connected that way, or the operator has not set it up. */
export class GrantUnsupported extends Schema.TaggedError<GrantUnsupported>()("GrantUnsupported", {
  provider: Provider,
  detail: Schema.String,
}) {
  override get message() {
    return `${this.provider}: ${this.detail}`
  }
}

export type ConnectorError =
  | TokenRejected
  | ScopeMissing
  | RateLimited
  | ProviderUnavailable
  | ProviderRefused
  | ProviderGone

export interface OAuthBegin {
  readonly redirectUri: string
  /** Unguessable, bound to the session, single use. */
  readonly state: string
  /** RFC 7636, S256. */
  readonly codeChallenge: string
  /** Whether acting on the user's behalf is asked for too. */
  readonly mayAct: boolean
}

export interface OAuthFinish {
  readonly redirectUri: string
  readonly code: Redacted.Redacted<string>
  readonly codeVerifier: Redacted.Redacted<string>
  /** As it was asked for: a tool that names no scopes granted just that (RFC 6749 section 5.1). */
  readonly mayAct?: boolean
}

export interface FetchRequest {
  readonly credential: Credential
  /** From the last committed read; null reads from the start. */
  readonly since: string | null
}

export interface ActRequest {
  readonly credential: Credential
  /** At most `actsMax`; more is a defect. */
  readonly acts: ReadonlyArray<Act>
}

/** What became of a task that a snapshot no longer holds. `unknown`: the tool cannot say. */
export type Whereabouts = "open" | "completed" | "deleted" | "withdrawn" | "unknown"

/**
 * Whether calls to the provider go out at all. `open`: it failed for everybody, and nothing is sent until `retryAtMs`.
 * `gone`: it ended this version of its API, and nothing is sent until a restart.
 */
export interface ProviderCircuit {
  readonly state: "closed" | "half-open" | "open" | "gone"
  readonly retryAtMs: number | null
}

export interface ConnectorShape {
  readonly provider: Provider
  /** How a user may connect it. `oauth` only where the operator has set it up. */
  readonly grants: ReadonlyArray<"oauth" | "token" | "address">
  readonly canAct: boolean
  /** Of a tool connected by address: the hosts an address may be of, `*.example.org` being every name below it. */
  readonly hosts?: ReadonlyArray<string>
  /** The scope without which `act` is `forbidden`; absent where grants have none. */
  readonly actScope?: string
  readonly circuit: Effect.Effect<ProviderCircuit>
  /** The address to send the user's browser to. */
  readonly beginOAuth: (request: OAuthBegin) => Effect.Effect<URL, GrantUnsupported>
  /** Trades the code for a credential. A code works once. */
  readonly finishOAuth: (request: OAuthFinish) => Effect.Effect<Credential, GrantUnsupported | ConnectorError>
  /** What the user pasted, as a credential. Nothing is asked of the provider; the first read proves it. */
  readonly fromToken: (token: Redacted.Redacted<string>) => Effect.Effect<Credential, GrantUnsupported | TokenRejected>
  /** Another credential of the same family. The old refresh token is dead, bar a short grace: persist before use. */
  readonly refresh: (credential: Credential) => Effect.Effect<Credential, GrantUnsupported | ConnectorError>
  /** Everything since the cursor, each task at most once and in its last state, ended by one `Position`. */
  readonly fetchSignals: (request: FetchRequest) => Stream.Stream<Signal, ConnectorError>
  /**
   * Performs the acts, in their order, one outcome each. Moves no cursor. After an error they may or may not have been
   * carried out, and sending them again is safe.
   */
  readonly act: (request: ActRequest) => Effect.Effect<ReadonlyArray<ActOutcome>, ConnectorError>
  /** Asks what became of tasks that are absent from a snapshot; at most `whereaboutsMax` at once. */
  readonly whereabouts: (
    credential: Credential,
    taskIds: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, Whereabouts>, ConnectorError>
  /**
   * Takes every token of the credential back (RFC 7009). Succeeds for tokens that are dead already. `none`: the tool
   * has nothing to be told, as what was pasted is its user's to end.
   */
  readonly revoke: (credential: Credential) => Effect.Effect<void | "none", ConnectorError>
  /** Judges a webhook by its raw bytes; undefined for a tool that sends none. `headers` have lower-case names. */
  readonly readWebhook:
    | ((
      headers: Readonly<Record<string, string | undefined>>,
      body: Uint8Array,
    ) => Effect.Effect<WebhookNotice, WebhookRefused>)
    | undefined
}

/** What a tool says of itself, unasked. */
export interface WebhookNotice {
  readonly deliveryId: string
  /** The provider's id of the account it is about. */
  readonly accountId: string
  /** Tasks it says the user completed. */
  readonly completedTaskIds: ReadonlyArray<string>
}

/** Not from the tool, too old, or nothing we know how to read. Dropped; the sender learns nothing. */
export class WebhookRefused extends Schema.TaggedError<WebhookRefused>()("WebhookRefused", {
  provider: Provider,
  reason: Schema.Literals(["not-set-up", "unsigned", "forged", "stale", "unreadable"]),
}) {
  override get message() {
    return `a webhook in the name of ${this.provider} was refused: ${this.reason}`
  }
}

/** A call each, at worst. Beyond it absence is enough: so many at once is a project, not a slip. */
export const whereaboutsMax = 20

/** The user who is called for failed the last time. Their failing again says less of the tool than of them. */
export const IsCallerFailing = Context.Reference("tipstream/connectors/IsCallerFailing", {
  defaultValue: () => false,
})

/** All connectors this installation has, by provider. */
export class Connectors extends Context.Service<Connectors, {
  readonly all: ReadonlyArray<ConnectorShape>
  readonly of: (provider: Provider) => ConnectorShape | undefined
}>()("tipstream/connectors/Connectors") {}
