/** Reads the fields that `item_add` and `item_update` share. */
import { type ApiError, invalidArgument } from "./apiError.ts"
import { isDay } from "./calendar.ts"
import {
  type Args,
  type Context,
  descriptionMax,
  firstError,
  flag,
  isTextUpTo,
  isWhole,
  optional,
  requiredText,
} from "./command.ts"
import { parseDue } from "./due.ts"
import type { Deadline, Due, Duration, Item } from "./wire.ts"

type Fields = { -readonly [Key in keyof Item]?: Item[Key] }

const labelsMax = 100

const areLabels = (value: unknown): boolean =>
  Array.isArray(value) && value.length <= labelsMax &&
  value.every((label) => typeof label === "string" && label !== "" && label.length <= 60)

const isNullOr = (holds: (value: unknown) => boolean) => (value: unknown): boolean => value === null || holds(value)

const isDuration = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false
  const { amount, unit } = value as Record<string, unknown>
  return isWhole(1, unit === "day" ? 365 : 60 * 24 * 365)(amount) && (unit === "minute" || unit === "day")
}

const isDeadline = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false
  const { date } = value as Record<string, unknown>
  return typeof date === "string" && isDay(date)
}

const order = isWhole(-1, 1_000_000_000)

const fieldError = (args: Args): ApiError | undefined =>
  firstError(
    optional(args, "description", `a text of up to ${descriptionMax} characters`, isTextUpTo(descriptionMax)),
    optional(args, "priority", "an integer from 1 to 4", isWhole(1, 4)),
    optional(args, "labels", `an array of up to ${labelsMax} label names`, areLabels),
    optional(args, "duration", "null or {amount, unit: minute | day}", isNullOr(isDuration)),
    optional(args, "deadline", "null or {date: YYYY-MM-DD}", isNullOr(isDeadline)),
    optional(args, "child_order", "an integer", order),
    optional(args, "day_order", "an integer", order),
    optional(args, "responsible_uid", "null or a user id", isNullOr(isTextUpTo(64))),
  )

/** Only the fields that were given; the due date resolved to its wire shape. */
export const readFields = (args: Args, context: Context): Fields | ApiError => {
  const failed = fieldError(args)
  if (failed !== undefined) return failed
  const fields: Fields = {}
  if (args["content"] !== undefined) {
    const content = requiredText(args, "content")
    if (typeof content !== "string") return content
    fields.content = content
  }
  if (args["due"] !== undefined) {
    const due: Due | null | undefined = parseDue(args["due"], context)
    if (due === undefined) return invalidArgument("due", "a date, or a text this server understands")
    fields.due = due
  }
  if (args["description"] !== undefined) fields.description = args["description"] as string
  if (args["priority"] !== undefined) fields.priority = args["priority"] as number
  if (args["labels"] !== undefined) fields.labels = [...new Set(args["labels"] as Array<string>)]
  if (args["duration"] !== undefined) fields.duration = durationOf(args["duration"] as Duration | null)
  if (args["deadline"] !== undefined) fields.deadline = deadlineOf(args["deadline"] as Deadline | null)
  if (args["child_order"] !== undefined) fields.child_order = args["child_order"] as number
  if (args["day_order"] !== undefined) fields.day_order = args["day_order"] as number
  if (args["responsible_uid"] !== undefined) fields.responsible_uid = args["responsible_uid"] as string | null
  const collapsed = args["is_collapsed"] ?? args["collapsed"]
  if (collapsed !== undefined) fields.is_collapsed = flag(collapsed, false)
  return fields
}

// Rebuilt so that nothing a client adds inside reaches the wire.
const durationOf = (given: Duration | null): Duration | null => given && { amount: given.amount, unit: given.unit }

const deadlineOf = (given: Deadline | null): Deadline | null =>
  given && { date: given.date, lang: typeof given.lang === "string" ? given.lang : "en" }
