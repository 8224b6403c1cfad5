/**
 * Every error a client can see, as RFC 9457 problem documents. `code` is stable and part of the contract; `title` is
 * for people and may change; `detail` never holds what the client must not see. The only place with error statuses.
 */
import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"

const declared = <const Code extends string, const Status extends number>(code: Code, status: Status, title: string) =>
  [
    { type: `urn:tipstream:${code.toLowerCase().replaceAll("_", "-")}`, status, title } as const,
    { code: Schema.tag(code) } as const,
  ] as const

export class InvalidRequest extends HttpApiError.Problem<InvalidRequest>()(
  "InvalidRequest",
  { type: "urn:tipstream:invalid-request", status: 400, title: "The request is not what this route takes" },
  {
    code: Schema.tag("INVALID_REQUEST"),
    errors: Schema.optionalKey(Schema.Array(HttpApiError.ProblemIssue)),
  },
) {}

export class Unauthenticated extends HttpApiError.Problem<Unauthenticated>()(
  "Unauthenticated",
  ...declared("UNAUTHENTICATED", 401, "Sign in first"),
) {}

export class OperatorOnly extends HttpApiError.Problem<OperatorOnly>()(
  "OperatorOnly",
  ...declared("OPERATOR_ONLY", 401, "The operator's token is needed: Authorization: Bearer <ADMIN_TOKEN>"),
) {}

export class CrossSite extends HttpApiError.Problem<CrossSite>()(
  "CrossSite",
  ...declared("CROSS_SITE", 403, "Requests that change something are taken from our own pages only"),
) {}

export class DemoOnly extends HttpApiError.Problem<DemoOnly>()(
  "DemoOnly",
  ...declared("DEMO_ONLY", 403, "The demo sign-in works in demo mode on loopback only: start with `serve --demo`"),
) {}

export class RouteUnknown extends HttpApiError.Problem<RouteUnknown>()(
  "RouteUnknown",
  ...declared("ROUTE_UNKNOWN", 404, "There is nothing here"),
) {}

export class NoSuchTip extends HttpApiError.Problem<NoSuchTip>()(
  "NoSuchTip",
  ...declared("TIP_UNKNOWN", 404, "There is no such tip of yours"),
) {}

export class NoSuchLetter extends HttpApiError.Problem<NoSuchLetter>()(
  "NoSuchLetter",
  ...declared("DEAD_LETTER_UNKNOWN", 404, "There is no such dead letter"),
) {}

export class NotConnected extends HttpApiError.Problem<NotConnected>()(
  "NotConnected",
  ...declared("NOT_CONNECTED", 404, "That tool is not connected"),
) {}

export class AlreadyAnswered extends HttpApiError.Problem<AlreadyAnswered>()(
  "AlreadyAnswered",
  ...declared("TIP_SETTLED", 409, "This tip was answered otherwise before"),
) {}

export class NotUndoable extends HttpApiError.Problem<NotUndoable>()(
  "NotUndoable",
  ...declared("NOTHING_TO_UNDO", 409, "Only a dismiss or a snooze can be undone"),
) {}

export class OtherAccount extends HttpApiError.Problem<OtherAccount>()(
  "OtherAccount",
  ...declared(
    "DIFFERENT_ACCOUNT",
    409,
    "That is another account than the connected one; `replace: true` puts it in its place and wipes the old data",
  ),
) {}

export class TipExpired extends HttpApiError.Problem<TipExpired>()(
  "TipExpired",
  ...declared("TIP_EXPIRED", 410, "The time to answer this tip has passed"),
) {}

export class BodyTooLarge extends HttpApiError.Problem<BodyTooLarge>()(
  "BodyTooLarge",
  ...declared("BODY_TOO_LARGE", 413, "The request body is too large"),
) {}

export class MediaTypeUnsupported extends HttpApiError.Problem<MediaTypeUnsupported>()(
  "MediaTypeUnsupported",
  ...declared("MEDIA_TYPE_UNSUPPORTED", 415, "Send JSON: content-type: application/json"),
) {}

export class BadSnooze extends HttpApiError.Problem<BadSnooze>()(
  "BadSnooze",
  ...declared("SNOOZE_NOT_AHEAD", 422, "snoozeUntil must lie ahead, at most 90 days"),
) {}

export class FilterRefused extends HttpApiError.Problem<FilterRefused>()(
  "FilterRefused",
  ...declared("FILTER_REFUSED", 422, "These conditions choose nothing, or more than was meant"),
) {}

export class WayUnsupported extends HttpApiError.Problem<WayUnsupported>()(
  "WayUnsupported",
  ...declared("GRANT_UNSUPPORTED", 422, "This tool is not connected that way here"),
) {}

export class KeyReused extends HttpApiError.Problem<KeyReused>()(
  "KeyReused",
  ...declared("IDEMPOTENCY_KEY_REUSED", 422, "This Idempotency-Key was used for another request"),
) {}

export class TokenNotAccepted extends HttpApiError.Problem<TokenNotAccepted>()(
  "TokenNotAccepted",
  ...declared("TOKEN_REJECTED", 422, "The tool does not accept this token"),
) {}

export class AddressNotAccepted extends HttpApiError.Problem<AddressNotAccepted>()(
  "AddressNotAccepted",
  ...declared("ADDRESS_REJECTED", 422, "Nothing can be read at this address"),
) {}

export class Internal extends HttpApiError.Problem<Internal>()(
  "Internal",
  ...declared("INTERNAL", 500, "Something went wrong on our side; it is in the log under the correlation id"),
) {}

export class ToolUnavailable extends HttpApiError.Problem<ToolUnavailable>()(
  "ToolUnavailable",
  ...declared("TOOL_UNAVAILABLE", 502, "The tool did not answer as it should"),
) {}

export class Busy extends HttpApiError.Problem<Busy>()(
  "Busy",
  ...declared("BUSY", 503, "Too much is under way for this user; try again in a moment"),
) {}

export class Unavailable extends HttpApiError.Problem<Unavailable>()(
  "Unavailable",
  ...declared("STORE_UNAVAILABLE", 503, "The store cannot be reached; nothing is lost, try again in a moment"),
) {}

export class NotReady extends HttpApiError.Problem<NotReady>()(
  "NotReady",
  { type: "urn:tipstream:not-ready", status: 503, title: "Not ready to take requests" },
  { code: Schema.tag("NOT_READY"), problems: Schema.Array(Schema.String) },
) {}
