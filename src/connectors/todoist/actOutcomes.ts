/**
 * What became of each command, from the `sync_status` of the reply. Pure.
 *
 * The reply to a call that only writes says `full_sync: true` and has a sync token, but no arrays. Neither means
 * anything: reading on from that token would skip what changed between the last read and the write.
 *
 * Commands succeed and fail one by one under an HTTP 200. A command whose uuid Todoist has seen is not executed again:
 * it answers `"ok"`, and in older days with an error that says so, which is a success too.
 */
import { Option, Result, Schema } from "effect"
import type { Act, ActOutcome, ConnectorError } from "../Connector.ts"
import { decodeRecord, isHtml, isSuccess, parseJson, type RawReply, refusalOf, toTag, unavailable } from "./refusal.ts"

const CommandError = Schema.Struct({
  error: Schema.optionalKey(Schema.Unknown),
  error_code: Schema.optionalKey(Schema.Unknown),
  error_tag: Schema.optionalKey(Schema.Unknown),
  http_code: Schema.optionalKey(Schema.Unknown),
})

const decode = Schema.decodeUnknownOption(CommandError)

/** 22 is the old numbering ("Item not found"), 478 today's. */
const notFoundCodes: ReadonlySet<unknown> = new Set([22, 404, 478])

const outcomeOf = (actId: string, status: unknown): ActOutcome => {
  if (status === "ok") return { actId, outcome: "done" }
  const said = Option.getOrUndefined(decode(status))
  if (said === undefined) return { actId, outcome: "failed", detail: "no status" }
  const text = typeof said.error === "string" ? said.error : ""
  if (/already processed/i.test(text)) return { actId, outcome: "done" }
  const isMissing = notFoundCodes.has(said.error_code) || said.http_code === 404 || said.error_tag === "NOT_FOUND" ||
    /not found/i.test(text)
  if (isMissing) return { actId, outcome: "missing" }
  if (/SCOPE/.test(toTag(said) ?? "")) return { actId, outcome: "forbidden", detail: "scope" }
  return { actId, outcome: "failed", detail: toTag(said) ?? "no code" }
}

/** One outcome per act, in their order, or what it means that the reply has none. */
export const actOutcomes = (
  acts: ReadonlyArray<Act>,
  raw: RawReply,
): Result.Result<ReadonlyArray<ActOutcome>, ConnectorError> => {
  if (!isSuccess(raw)) return Result.fail(refusalOf(raw))
  if (isHtml(raw)) return Result.fail(unavailable(raw, "html"))
  const json = parseJson(raw.text)
  if (json === undefined) return Result.fail(unavailable(raw, "malformed"))
  const reply = Option.getOrUndefined(decodeRecord(json))
  const status = Option.getOrUndefined(decodeRecord(reply?.["sync_status"]))
  // Whether they were carried out is not known, so this is no outcome: the same ids are sent again.
  if (status === undefined) return Result.fail(unavailable(raw, "incomplete"))
  const statuses = new Map(Object.entries(status))
  return Result.succeed(acts.map(({ actId }) => outcomeOf(actId, statuses.get(actId))))
}
