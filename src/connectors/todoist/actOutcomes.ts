/**
 * What became of each command, from the `sync_status` of the reply. Pure.
 *
 * Commands succeed and fail one by one under an HTTP 200. A command whose uuid Todoist has seen is not executed again:
 * it answers `"ok"`, and in older days with an error that says so, which is a success too.
 */
import { Option, Schema } from "effect"
import type { Act, ActOutcome } from "../Connector.ts"
import { toTag } from "./syncResponse.ts"

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
  return { actId, outcome: "failed", detail: toTag(said) ?? "no code" }
}

/** One outcome per act, in their order. */
export const actOutcomes = (
  acts: ReadonlyArray<Act>,
  commandStatus: ReadonlyMap<string, unknown>,
): ReadonlyArray<ActOutcome> => acts.map(({ actId }) => outcomeOf(actId, commandStatus.get(actId)))
