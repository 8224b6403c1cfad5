/**
 * Why this tip, in plain words: the strongest things that spoke for it, and whether it was served to learn.
 *
 * Honest by construction: a sentence appears only when its columns really raised the expected reward of this candidate.
 * Words only; nothing is decided here, and nothing of it is logged as a fact.
 */
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"
import { dayNumberOf } from "./calendar.ts"
import { columnIndex } from "./features.ts"
import type { FeatureColumn } from "./features.ts"

/** More would not be read on a phone. */
const reasonsMax = 3

interface Reason {
  /** Their contributions count together. */
  readonly columns: ReadonlyArray<FeatureColumn>
  /** Null when there is nothing true to say. */
  readonly say: (context: ContextSnapshot, candidate: Candidate) => string | null
}

const reasons: ReadonlyArray<Reason> = [
  { columns: ["overdue", "overdue-days"], say: (context, candidate) => sayOverdue(dueInDays(context, candidate)) },
  { columns: ["due-today", "due-time-near"], say: (context, candidate) => sayDueToday(context, candidate) },
  { columns: ["due-soon"], say: (context, candidate) => sayDueSoon(dueInDays(context, candidate)) },
  { columns: ["no-due-date"], say: () => "It has no date to remind you" },
  { columns: ["priority"], say: (_context, { priority }) => sayPriority(priority) },
  { columns: ["age"], say: (context, candidate) => sayAge(context, candidate) },
  { columns: ["postponed"], say: (_context, { timesPostponed }) => sayPostponed(timesPostponed) },
  { columns: ["recurring"], say: () => "Part of your routine" },
  { columns: ["quick"], say: () => "A quick one" },
  { columns: ["morning-todo", "morning-advice"], say: () => "Fits your mornings" },
  { columns: ["evening-todo", "evening-advice"], say: () => "Fits your evenings" },
  { columns: ["night-todo"], say: () => "Fits this late hour" },
  { columns: ["weekend-todo"], say: () => "Fits your weekends" },
  { columns: ["advice"], say: () => "You have liked advice before" },
  { columns: ["load-advice"], say: () => "You have a lot on your plate" },
]

/** At least one, at most `reasonsMax`, strongest first. `contributions` are those of `decide` for this candidate. */
export const explain = (
  context: ContextSnapshot,
  candidate: Candidate,
  contributions: Float64Array,
  explored: boolean,
): ReadonlyArray<string> => {
  const spoken = reasons
    .map(({ columns, say }) => ({
      say,
      weight: columns.reduce((sum, column) => sum + contributions[columnIndex(column)]!, 0),
    }))
    .filter(({ weight }) => weight > noticeable)
    .sort((left, right) => right.weight - left.weight)
    .map(({ say }) => say(context, candidate))
    .filter((sentence) => sentence !== null)
  const all = explored ? ["Trying something different", ...spoken] : spoken
  if (all.length > 0) return all.slice(0, reasonsMax)
  return [candidate.kind === "advice" ? "A small idea for now" : "Next on your list"]
}

/** Of a reward between 0 and 1: what weighs less did not decide anything and would only sound precise. */
const noticeable = 0.005

const dueInDays = (context: ContextSnapshot, { dueDate }: Candidate): number =>
  dueDate === null ? NaN : dayNumberOf(dueDate) - dayNumberOf(context.localDate)

const sayOverdue = (days: number): string | null =>
  days === -1 ? "Due yesterday" : days < -1 ? `${-days} days overdue` : null

const sayDueSoon = (days: number): string | null =>
  days === 1 ? "Due tomorrow" : days > 1 ? `Due in ${days} days` : null

const sayDueToday = (context: ContextSnapshot, candidate: Candidate): string | null => {
  if (dueInDays(context, candidate) !== 0) return null
  if (candidate.dueAtMs === null) return "Due today"
  const verb = candidate.dueAtMs < context.decidedAtMs ? "Was due" : "Due"
  return `${verb} today at ${localClock(context, candidate.dueAtMs)}`
}

/**
 * `HH:MM` on the user's clock, by distance from the local minute the context holds. Wrong by the shift only when the
 * clock changes between the decision and the due time of the same day, which is a few hours of two nights a year.
 */
const localClock = ({ decidedAtMs, localMinuteOfDay }: ContextSnapshot, atMs: number): string => {
  const minutesAway = Math.floor(atMs / 60_000) - Math.floor(decidedAtMs / 60_000)
  const minuteOfDay = (((localMinuteOfDay + minutesAway) % 1440) + 1440) % 1440
  const twoDigits = (value: number): string => String(value).padStart(2, "0")
  return `${twoDigits(Math.floor(minuteOfDay / 60))}:${twoDigits(minuteOfDay % 60)}`
}

/** People know 1 as the most urgent; the wire has it the other way round (schemas/Task.ts). */
const sayPriority = (priority: number | null): string | null =>
  priority !== null && priority > 1 ? `Priority ${5 - priority}` : null

const sayPostponed = (times: number): string | null =>
  times === 1 ? "You moved it once" : times > 1 ? `You moved it ${times} times` : null

const sayAge = ({ decidedAtMs }: ContextSnapshot, { addedAtMs }: Candidate): string | null => {
  const days = addedAtMs === null ? 0 : Math.floor((decidedAtMs - addedAtMs) / 86_400_000)
  return days >= 2 ? `On your list for ${days} days` : null
}
