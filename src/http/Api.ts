/**
 * The HTTP API, as data: routes, what they take and give, which problems they answer with. `schemas/openapi.json` is
 * generated from it. Unknown fields in a body are refused by name, so that a typo is not silence.
 */
import { Context, Schema } from "effect"
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity,
  OpenApi,
} from "effect/http-api"
import { DecisionId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { Provider } from "../../schemas/Task.ts"
import { DeathReason } from "../streams/DeadLetters.ts"
import { NoTipReason, Reaction, Tip } from "../../schemas/Tip.ts"
import * as Problems from "./problems.ts"

/** Who is asking. */
export class CurrentUser extends Context.Service<CurrentUser, Owner>()("tipstream/http/CurrentUser") {}

export const sessionCookie = HttpApiSecurity.apiKey({ in: "cookie", key: "sid" })

export class SignedIn extends HttpApiMiddleware.Service<SignedIn, { provides: CurrentUser }>()(
  "tipstream/http/SignedIn",
  { security: { session: sessionCookie }, error: [Problems.Unauthenticated, Problems.Unavailable] },
) {}

export class Operator extends HttpApiMiddleware.Service<Operator>()("tipstream/http/Operator", {
  error: Problems.OperatorOnly,
}) {}

/** Turns what does not decode into a problem that names each field. */
export class Validation extends HttpApiMiddleware.Service<Validation>()("tipstream/http/Validation", {
  error: [Problems.InvalidRequest, Problems.Internal],
}) {}

const instant = Schema.String.annotate({ description: "RFC 3339, UTC" })

/** An RFC 3339 date-time; the decoder alone also takes years, dates and what a browser prints. */
const givenInstant = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/),
).annotate({ description: "RFC 3339 date-time" }).pipe(Schema.decodeTo(Schema.DateTimeUtcFromString))

/** What a client may call a request: printable ASCII, which logs and stores can hold. */
export const IdempotencyKey = Schema.String.check(Schema.isPattern(/^[\x20-\x7e]{1,200}$/))

const Recommendation = Schema.Struct({
  tip: Schema.NullOr(Tip),
  /** Given when `tip` is null. */
  reason: Schema.optionalKey(NoTipReason),
  servedAt: instant,
  dataAgeMs: Schema.NullOr(Schema.Int),
  policy: Schema.String,
  propensity: Schema.NullOr(Schema.Finite),
}).annotate({ identifier: "Recommendation" })

const TipState = Schema.Literals(["open", "expired", "superseded", "done", "snooze", "dismiss", "acknowledge", "save"])

const PastTip = Schema.Struct({
  tip: Tip,
  state: TipState,
  servedAt: instant,
  reactedAt: Schema.NullOr(instant),
  policy: Schema.String,
  propensity: Schema.Finite,
  /** How many candidates it was chosen from. */
  considered: Schema.Int,
}).annotate({ identifier: "PastTip" })

const ConnectorState = Schema.Struct({
  provider: Provider,
  status: Schema.Literals(["connected", "needs-reconnect", "disconnected"]),
  canAct: Schema.Boolean.annotate({
    description: "Whether what is marked as done here is done in the tool too. False: it stays open there, because " +
      "the tool can only be read, or because reading is all that was granted",
  }),
  connectedAt: Schema.NullOr(instant),
  lastSyncAt: Schema.NullOr(instant),
  nextSyncAt: Schema.NullOr(instant),
  failures: Schema.Int,
  problem: Schema.NullOr(Schema.String),
}).annotate({ identifier: "ConnectorState" })

/** A tool this installation knows, and the ways to connect it. */
const ConnectorOffer = Schema.Struct({
  provider: Provider,
  grants: Schema.Array(Schema.Literals(["oauth", "token", "address"])),
  canAct: Schema.Boolean.annotate({
    description: "Whether the tool can be acted on at all. What a connection may do is its own `canAct`",
  }),
  hosts: Schema.optionalKey(Schema.Array(Schema.String)).annotate({
    description: "Of a tool connected by address: the hosts it may be of; `*.example.org` is every name below it",
  }),
}).annotate({ identifier: "ConnectorOffer" })

/** Of a personal token. The secret address of a feed holds one, and a host and a path. */
export const tokenMaxChars = 500
export const addressMaxChars = 2_000

const secret = (maxChars: number) =>
  Schema.RedactedFromValue(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxChars)))

const ConnectWish = Schema.Struct({
  token: Schema.optionalKey(secret(tokenMaxChars)),
  address: Schema.optionalKey(secret(addressMaxChars)),
  oauth: Schema.optionalKey(Schema.Literal(true)),
  /** With `oauth`: to complete tasks too, not only to read them. */
  mayAct: Schema.optionalKey(Schema.Boolean),
  /** Another account may take the place of the connected one. */
  replace: Schema.optionalKey(Schema.Boolean),
}).check(
  Schema.makeFilter((given) =>
    [given.token, given.address, given.oauth].filter((one) => one !== undefined).length === 1
      ? undefined
      : "expected one of token, address and oauth"
  ),
).annotate({ identifier: "ConnectWish" })

const openTasks = Schema.Int.annotate({ description: "Open tasks now known of the tool" })

const Page = {
  limit: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^\d{1,3}$/)).pipe(
      Schema.decodeTo(Schema.FiniteFromString.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
    ),
  ),
}

const tips = HttpApiGroup.make("tips").add(
  HttpApiEndpoint.post("recommend", "/v1/recommend", { success: Recommendation, error: Problems.Unavailable })
    .annotate(OpenApi.Summary, "Decide on the one tip for now; needs no body"),
  HttpApiEndpoint.post("feedback", "/v1/feedback", {
    headers: { "idempotency-key": Schema.optionalKey(IdempotencyKey) },
    payload: Schema.Struct({
      tipId: DecisionId,
      reaction: Reaction,
      snoozeUntil: Schema.optionalKey(givenInstant),
    }),
    success: Schema.Struct({ tipId: DecisionId, state: TipState, recorded: Schema.Boolean }),
    error: [
      Problems.NoSuchTip,
      Problems.TipExpired,
      Problems.AlreadyAnswered,
      Problems.NotUndoable,
      Problems.BadSnooze,
      Problems.KeyReused,
      Problems.Unavailable,
    ],
  }).annotate(
    OpenApi.Summary,
    "React to a tip; repeating the same reaction changes nothing. Whether what is done here is done in its tool " +
      "too is `canAct` of the connection",
  ),
  HttpApiEndpoint.get("list", "/v1/tips", {
    query: { ...Page, before: Schema.optionalKey(givenInstant) },
    success: Schema.Struct({ tips: Schema.Array(PastTip), next: Schema.NullOr(instant) }),
    error: Problems.Unavailable,
  }).annotate(OpenApi.Summary, "Past tips, newest first; `next` is the `before` of the next page"),
  HttpApiEndpoint.get("byId", "/v1/tips/:id", {
    params: { id: DecisionId },
    success: PastTip,
    error: [Problems.NoSuchTip, Problems.Unavailable],
  }).annotate(OpenApi.Summary, "One tip with its reasons"),
).middleware(SignedIn)

const connectors = HttpApiGroup.make("connectors").add(
  HttpApiEndpoint.get("list", "/v1/connectors", {
    success: Schema.Struct({ connectors: Schema.Array(ConnectorState), available: Schema.Array(ConnectorOffer) }),
    error: Problems.Unavailable,
  }).annotate(OpenApi.Summary, "What is or was connected, and what can be"),
  HttpApiEndpoint.post("connect", "/v1/connectors/:provider", {
    params: { provider: Provider },
    payload: ConnectWish,
    success: Schema.Union([
      Schema.Struct({ status: Schema.Literal("connected"), tasks: openTasks }),
      Schema.Struct({ authorizeUrl: Schema.String }),
    ]),
    error: [
      Problems.OtherAccount,
      Problems.WayUnsupported,
      Problems.TokenNotAccepted,
      Problems.AddressNotAccepted,
      Problems.ToolUnavailable,
      Problems.Busy,
      Problems.Unavailable,
    ],
  }).annotate(
    OpenApi.Summary,
    "Connect by personal token or by address: answers after the first sync. By OAuth: answers where to send the " +
      "browser that holds this session",
  ),
  HttpApiEndpoint.post("sync", "/v1/connectors/:provider/sync", {
    params: { provider: Provider },
    success: Schema.Struct({ changes: Schema.Int, syncedAt: instant }),
    error: [
      Problems.NotConnected,
      Problems.OtherAccount,
      Problems.TokenNotAccepted,
      Problems.ToolUnavailable,
      Problems.Busy,
      Problems.Unavailable,
    ],
  }).annotate(OpenApi.Summary, "Sync now"),
  HttpApiEndpoint.delete("disconnect", "/v1/connectors/:provider", {
    params: { provider: Provider },
    success: Schema.Struct({
      status: Schema.Literal("disconnected"),
      /** Whether the tool was told: it was, it did not answer and is asked again for a while, or it cannot be. */
      revocation: Schema.Literals(["done", "pending", "none"]),
    }),
    error: [
      Problems.OtherAccount,
      Problems.ToolUnavailable,
      Problems.TokenNotAccepted,
      Problems.Busy,
      Problems.Unavailable,
    ],
  }).annotate(OpenApi.Summary, "Forget the token and all tasks, and take the token back at the tool"),
).middleware(SignedIn)

const identity = HttpApiGroup.make("identity").add(
  HttpApiEndpoint.get("me", "/me", {
    success: Schema.Struct({ userId: Schema.String, displayName: Schema.String, timeZone: Schema.String }),
    error: [Problems.Unauthenticated, Problems.Unavailable],
  }).middleware(SignedIn),
  HttpApiEndpoint.post("logout", "/logout", { success: HttpApiSchema.NoContent, error: Problems.Unavailable })
    .middleware(SignedIn),
  HttpApiEndpoint.post("demo", "/auth/demo", {
    success: Schema.Struct({ userId: Schema.String, displayName: Schema.String }),
    error: [Problems.DemoOnly, Problems.Unavailable],
  }).annotate(OpenApi.Summary, "Sign the demo user in; demo mode on loopback only"),
)

const LogState = Schema.Struct({
  streams: Schema.Array(Schema.Struct({
    stream: Schema.String,
    firstSequence: Schema.Int,
    lastSequence: Schema.Int,
    messages: Schema.Int,
    createdAtMs: Schema.Int,
  })),
  consumers: Schema.Array(Schema.Struct({
    durable: Schema.String,
    stream: Schema.String,
    lag: Schema.Int,
    inFlight: Schema.Int,
    retrying: Schema.Int,
  })),
})

export const EventView = Schema.Struct({
  stream: Schema.String,
  sequence: Schema.Int,
  id: Schema.String,
  type: Schema.String,
  time: Schema.NullOr(instant),
  tenantId: Schema.String,
  userId: Schema.String,
  correlationId: Schema.String,
}).annotate({ identifier: "EventView" })

export const SyncsOfProvider = Schema.Struct({
  provider: Provider,
  /** `open`: it failed for everybody, and nothing is sent until `retryAt`. `gone`: it ended the API we speak. */
  circuit: Schema.Literals(["closed", "half-open", "open", "gone"]),
  retryAt: Schema.NullOr(instant),
  connected: Schema.Int,
  needsReconnect: Schema.Int,
  failing: Schema.Int,
  due: Schema.Int,
  lagMs: Schema.Int,
  /** Failing users by code. */
  problems: Schema.Record(Schema.String, Schema.Int),
}).annotate({ identifier: "SyncsOfProvider" })

export const LateSync = Schema.Struct({
  tenantId: Schema.String,
  userId: Schema.String,
  provider: Provider,
  status: Schema.Literals(["connected", "needs-reconnect", "disconnected"]),
  lastSyncAt: Schema.NullOr(instant),
  nextSyncAt: Schema.NullOr(instant),
  failures: Schema.Int,
  code: Schema.NullOr(Schema.String),
  problem: Schema.NullOr(Schema.String),
}).annotate({ identifier: "LateSync" })

const admin = HttpApiGroup.make("admin").add(
  HttpApiEndpoint.get("log", "/v1/admin/log", { success: LogState, error: Problems.Unavailable })
    .annotate(OpenApi.Summary, "Streams, consumers and their lag"),
  HttpApiEndpoint.get("events", "/v1/admin/events", {
    query: Page,
    success: Schema.Struct({ events: Schema.Array(EventView) }),
    error: Problems.Unavailable,
  }).annotate(OpenApi.Summary, "The last events, newest first, without their payloads"),
  HttpApiEndpoint.get("actors", "/v1/admin/actors", {
    query: Page,
    success: Schema.Struct({
      actors: Schema.Array(Schema.Struct({
        id: Schema.String,
        state: Schema.String,
        queued: Schema.Int,
        restarts: Schema.Int,
      })),
    }),
  }).annotate(OpenApi.Summary, "Live actors of this process, those in trouble first"),
  HttpApiEndpoint.get("syncs", "/v1/admin/syncs", {
    success: Schema.Struct({
      providers: Schema.Array(SyncsOfProvider),
      /** Live actors of this process by what they do. */
      actors: Schema.Record(Schema.String, Schema.Int),
    }),
    error: Problems.Unavailable,
  }).annotate(OpenApi.Summary, "How the users of each tool are, and whether the tool answers"),
  HttpApiEndpoint.get("late", "/v1/admin/syncs/late", {
    query: Page,
    success: Schema.Struct({ late: Schema.Array(LateSync) }),
    error: Problems.Unavailable,
  }).annotate(OpenApi.Summary, "Whose data is older than it should be and why, the worst first"),
).middleware(Operator)

const DeadLetterView = Schema.Struct({
  id: Schema.Int,
  durable: Schema.String,
  stream: Schema.String,
  sequence: Schema.Int,
  subject: Schema.String,
  messageId: Schema.String,
  state: Schema.String,
  redrives: Schema.Int,
  reason: Schema.String,
  detail: Schema.String,
  attempts: Schema.Int,
  diedAt: instant,
}).annotate({ identifier: "DeadLetterView" })

/** As long as any name we give; a token of a subject has 64 characters. Postgres holds no NUL. */
const name = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100), Schema.isPattern(/^\P{Cc}*$/u))

/** What a filter may say; all given parts must match. */
const letterFilter = {
  durable: Schema.optionalKey(name),
  stream: Schema.optionalKey(name),
  reason: Schema.optionalKey(DeathReason),
  tenant: Schema.optionalKey(name),
  user: Schema.optionalKey(name),
  since: Schema.optionalKey(givenInstant),
  until: Schema.optionalKey(givenInstant),
}

/** Of a redrive or a drop: one transaction, whose letters are all in one answer. */
const lettersMax = 1_000

const letterId = Schema.Int.check(Schema.isGreaterThan(0))

const LetterChoice = Schema.Struct({
  ids: Schema.optionalKey(Schema.Array(letterId).check(Schema.isMinLength(1), Schema.isMaxLength(lettersMax))),
  ...letterFilter,
  all: Schema.optionalKey(Schema.Boolean),
  dryRun: Schema.optionalKey(Schema.Boolean),
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: lettersMax }))),
}).annotate({ identifier: "LetterChoice" })
export type LetterChoice = typeof LetterChoice.Type

const idText = Schema.String.check(Schema.isPattern(/^\d{1,15}$/)).pipe(
  Schema.decodeTo(Schema.FiniteFromString.check(Schema.isGreaterThan(0))),
)

const deadLetters = HttpApiGroup.make("deadLetters").add(
  HttpApiEndpoint.get("list", "/v1/admin/dead-letters", {
    query: {
      ...Page,
      ...letterFilter,
      state: Schema.optionalKey(Schema.Literals(["open", "redriven", "any"])),
      before: Schema.optionalKey(idText),
    },
    success: Schema.Struct({ deadLetters: Schema.Array(DeadLetterView), next: Schema.NullOr(Schema.Int) }),
    error: [Problems.FilterRefused, Problems.Unavailable],
  }).annotate(
    OpenApi.Summary,
    "Dead letters, newest first, open ones unless asked; `next` is the next page's `before`",
  ),
  HttpApiEndpoint.get("show", "/v1/admin/dead-letters/:id", {
    params: { id: idText },
    success: Schema.Struct({
      letter: DeadLetterView,
      headers: Schema.Record(Schema.String, Schema.String),
      payload: Schema.String.annotate({ description: "base64" }),
      /** The envelope as ProtoJSON; null when the message cannot be read, and `problem` says why. */
      event: Schema.NullOr(Schema.Json),
      problem: Schema.NullOr(Schema.String),
    }),
    error: [Problems.NoSuchLetter, Problems.Unavailable],
  }).annotate(OpenApi.Summary, "One dead letter with its headers and payload, which are personal data"),
  HttpApiEndpoint.post("redrive", "/v1/admin/dead-letters/redrive", {
    payload: LetterChoice,
    success: Schema.Struct({
      redriven: Schema.Array(Schema.Struct({ id: Schema.Int, messageId: Schema.String })),
      refused: Schema.Array(Schema.Struct({ id: Schema.Int, problem: Schema.String })),
      dryRun: Schema.Boolean,
    }),
    error: [Problems.FilterRefused, Problems.Unavailable],
  }).annotate(OpenApi.Summary, "Send dead letters again, the oldest first; nothing has a second effect"),
  HttpApiEndpoint.post("drop", "/v1/admin/dead-letters/drop", {
    payload: LetterChoice,
    success: Schema.Struct({ dropped: Schema.Array(Schema.Int), dryRun: Schema.Boolean }),
    error: [Problems.FilterRefused, Problems.Unavailable],
  }).annotate(OpenApi.Summary, "Forget dead letters for good, the oldest first"),
).middleware(Operator)

export const HealthReport = Schema.Struct({
  status: Schema.Literals(["ok", "degraded"]),
  ready: Schema.Boolean,
  /** Why it is not ready, or what is degraded; empty when all is well. */
  problems: Schema.Array(Schema.String),
  version: Schema.String,
  runtime: Schema.String,
  uptimeMs: Schema.Int,
  database: Schema.Literals(["up", "down"]),
  log: Schema.Literals(["embedded", "jetstream", "memory"]),
  /** Committed events that are not on the log yet. */
  waiting: Schema.Int,
  consumers: Schema.Array(Schema.Struct({ durable: Schema.String, lag: Schema.Int, retrying: Schema.Int })),
}).annotate({ identifier: "HealthReport" })

const health = HttpApiGroup.make("health").add(
  HttpApiEndpoint.get("health", "/health", { success: HealthReport })
    .annotate(OpenApi.Summary, "Alive: always 200, with the state of what it depends on"),
  HttpApiEndpoint.get("ready", "/ready", { success: HealthReport, error: Problems.NotReady })
    .annotate(OpenApi.Summary, "200 when it takes requests, else 503"),
)

export class Api extends HttpApi.make("tipstream")
  .add(tips)
  .add(connectors)
  .add(identity)
  .add(admin)
  .add(deadLetters)
  .add(health)
  .middleware(Validation)
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error", errors: "all" })
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotate(OpenApi.Title, "tipstream")
  .annotate(OpenApi.Version, "1") {}
