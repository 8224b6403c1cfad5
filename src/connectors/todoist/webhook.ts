/**
 * Judges a webhook of Todoist by its raw bytes. Pure.
 *
 * Its signature says that Todoist sent it, `triggered_at` that this was not long ago. It is a hint to read, never what
 * is read: of the task it carries only the id is taken, and only to know that the user completed it. The name of
 * whoever set it off, which may be somebody else's, is not looked at.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Webhooks
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { Option, Redacted, Result, Schema } from "effect"
import { type WebhookNotice, WebhookRefused } from "../Connector.ts"
import { parseJson, provider, toMs } from "./refusal.ts"

/** An unanswered one is sent again three times, 15 minutes apart, with the same time in it. */
const ageMaxMs = 60 * 60_000

/** Clocks that differ by more make tokens fail first. */
const aheadMaxMs = 5 * 60_000

/** What Todoist's own documentation asks a receiver to take; a task with its old state is some 5 kB. */
const bodyMaxBytes = 1024 * 1024

const Id = Schema.String.check(Schema.isPattern(/^[!-~]{1,128}$/))

const Body = Schema.Struct({
  event_name: Schema.String,
  user_id: Schema.Union([Id, Schema.Int]),
  triggered_at: Schema.String,
  event_data: Schema.optionalKey(Schema.Unknown),
  initiator: Schema.optionalKey(Schema.NullOr(Schema.Struct({ id: Schema.optionalKey(Schema.Unknown) }))),
  event_data_extra: Schema.optionalKey(
    Schema.NullOr(Schema.Struct({ update_intent: Schema.optionalKey(Schema.Unknown) })),
  ),
})

const decodeBody = Schema.decodeUnknownOption(Body)
const decodeTask = Schema.decodeUnknownOption(Schema.Struct({ id: Id }))

const isSigned = (body: Uint8Array, signature: string, secret: Redacted.Redacted<string>): boolean => {
  const expected = createHmac("sha256", Redacted.value(secret)).update(body).digest()
  const given = Buffer.from(signature, "base64")
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** A recurring task is never completed: what its user did shows as an update that says so. */
const completedIn = (body: typeof Body.Type): ReadonlyArray<string> => {
  const isCompletion = body.event_name === "item:completed" ||
    (body.event_name === "item:updated" && body.event_data_extra?.update_intent === "item_completed")
  // In a shared project others complete tasks, too. Who did it is missing only when it was the user.
  const by = body.initiator?.id
  const isTheirs = by === undefined || by === null || String(by) === String(body.user_id)
  const task = Option.getOrUndefined(decodeTask(body.event_data))
  return isCompletion && isTheirs && task !== undefined ? [task.id] : []
}

/**
 * What may be believed of it. The delivery id is a digest of the body: redelivered, it is the same, as the one in the
 * header is; but the header is not signed, and whoever saw one delivery could send it again under ever new ids.
 */
export const readWebhook = (
  secret: Redacted.Redacted<string> | undefined,
  headers: Readonly<Record<string, string | undefined>>,
  body: Uint8Array,
  nowMs: number,
): Result.Result<WebhookNotice, WebhookRefused> => {
  const refused = (reason: WebhookRefused["reason"]) => Result.fail(new WebhookRefused({ provider, reason }))
  // Anybody can sign with an empty one.
  if (secret === undefined || Redacted.value(secret) === "") return refused("not-set-up")
  const signature = headers["x-todoist-hmac-sha256"]
  if (signature === undefined || signature === "") return refused("unsigned")
  if (body.byteLength > bodyMaxBytes) return refused("unreadable")
  if (!isSigned(body, signature, secret)) return refused("forged")
  const read = Option.getOrUndefined(decodeBody(parseJson(new TextDecoder().decode(body))))
  const atMs = toMs(read?.triggered_at)
  if (read === undefined || atMs === null) return refused("unreadable")
  if (nowMs - atMs > ageMaxMs || atMs - nowMs > aheadMaxMs) return refused("stale")
  return Result.succeed({
    deliveryId: createHash("sha256").update(body).digest("base64url"),
    accountId: String(read.user_id),
    completedTaskIds: completedIn(read),
  })
}
