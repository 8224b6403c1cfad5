/**
 * What a policy knows about a candidate at a moment: a fixed row of numbers in [0, 1].
 *
 * A pure function of (context snapshot, candidate). Only `+ - * /` and comparisons are used, no `log` or `exp`: those
 * four are exact by IEEE 754, so a logged row can be computed again bit for bit on any engine (elementary functions are
 * left to the engine by ECMA-262). Every value is finite; what is missing has a defined value, mostly 0.
 *
 * Logged rows name `featureSchema`. To change a column, its meaning or its order is to make a new version.
 */
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"
import { dayNumberOf } from "./calendar.ts"
import { digest16 } from "./digest.ts"

export const featureSchema = "features-v1"

/** One candidate as seen now. A single one is reused for a whole matrix, so that no candidate allocates. */
interface View {
  readonly context: ContextSnapshot
  readonly today: number
  candidate: Candidate
  isTodo: boolean
  /** Negative when overdue, NaN when there is no due date or it is not a day that exists. */
  dueInDays: number
  /** NaN when there is no time of day. */
  dueInHours: number
}

const flag = (holds: boolean): number => holds ? 1 : 0

/** 0 at 0, one half at `half`, towards 1 beyond: stands in for a capped logarithm. Below 0 counts as 0. */
const saturating = (amount: number, half: number): number => amount > 0 ? amount / (amount + half) : 0

/** Names and meaning together, in the order of the row. */
const columns = {
  bias: () => 1,
  advice: (view) => flag(!view.isTodo),
  overdue: (view) => flag(view.dueInDays < 0),
  /** One half at three days. */
  "overdue-days": (view) => saturating(-view.dueInDays, 3),
  "due-today": (view) => flag(view.dueInDays === 0),
  /** 1 for tomorrow, then 2/3 and 1/3 for the days after. */
  "due-soon": (view) => view.dueInDays >= 1 && view.dueInDays <= 3 ? (4 - view.dueInDays) / 3 : 0,
  "no-due-date": (view) => flag(view.isTodo && Number.isNaN(view.dueInDays)),
  /** 1 at the due time itself, one half an hour from it on either side. */
  "due-time-near": (view) => Number.isNaN(view.dueInHours) ? 0 : 1 / (1 + Math.abs(view.dueInHours)),
  /** 0 for none (1 on the wire, or missing) to 1 for the most urgent (4). */
  priority: (view) => Math.min(3, Math.max(0, (view.candidate.priority ?? 1) - 1)) / 3,
  /** One half at thirty days on the list. */
  age: (view) => saturating(ageDays(view), 30),
  /** One half at two moves. */
  postponed: (view) => saturating(view.candidate.timesPostponed, 2),
  recurring: (view) => flag(view.candidate.isRecurring),
  quick: (view) => view.isTodo ? quickness(view.candidate) : 0,
  // The afternoon (12:00 to 16:59) is the level the other parts of the day are measured against.
  "morning-todo": (view) => flag(view.isTodo && isMorning(view.context)),
  "evening-todo": (view) => flag(view.isTodo && isEvening(view.context)),
  "night-todo": (view) => flag(view.isTodo && isNight(view.context)),
  "morning-advice": (view) => flag(!view.isTodo && isMorning(view.context)),
  "evening-advice": (view) => flag(!view.isTodo && isEvening(view.context)),
  "weekend-todo": (view) => flag(view.isTodo && view.context.localWeekday >= 6),
  /** The overdue share of what is open: how far behind the user is. */
  load: (view) => overdueShare(view.context),
  "load-advice": (view) => view.isTodo ? 0 : overdueShare(view.context),
} satisfies Record<string, (view: View) => number>

export type FeatureColumn = keyof typeof columns

export const featureColumns = Object.keys(columns) as ReadonlyArray<FeatureColumn>
const valueOf: ReadonlyArray<(view: View) => number> = Object.values(columns)

export const featureCount = featureColumns.length

/** Changes whenever the version, a name or the order of the columns does. Models carry it and refuse another's rows. */
export const featureSchemaHash = digest16([featureSchema, ...featureColumns].join("\n"))

export const columnIndex = (column: FeatureColumn): number => featureColumns.indexOf(column)

/** Row-major, one row of `featureCount` values per candidate, in the order given. */
export const featureMatrix = (context: ContextSnapshot, candidates: ReadonlyArray<Candidate>): Float64Array => {
  const matrix = new Float64Array(candidates.length * featureCount)
  const first = candidates[0]
  if (first === undefined) return matrix
  const today = dayNumberOf(context.localDate)
  const view: View = { context, today, candidate: first, isTodo: true, dueInDays: NaN, dueInHours: NaN }
  let at = 0
  for (const candidate of candidates) {
    turnTo(view, candidate)
    for (const value of valueOf) matrix[at++] = value(view)
  }
  return matrix
}

const turnTo = (view: View, candidate: Candidate): void => {
  view.candidate = candidate
  view.isTodo = candidate.kind === "todo"
  view.dueInDays = candidate.dueDate === null ? NaN : dayNumberOf(candidate.dueDate) - view.today
  view.dueInHours = candidate.dueAtMs === null ? NaN : (candidate.dueAtMs - view.context.decidedAtMs) / 3_600_000
}

const ageDays = ({ candidate, context }: View): number =>
  candidate.addedAtMs === null ? 0 : (context.decidedAtMs - candidate.addedAtMs) / 86_400_000

/**
 * 1 up to a quarter of an hour, one half up to half an hour. Without a duration a short title is a weak hint: one half.
 */
const quickness = ({ durationMinutes, title }: Candidate): number => {
  if (durationMinutes !== null && durationMinutes > 0) {
    return durationMinutes <= 15 ? 1 : durationMinutes <= 30 ? 0.5 : 0
  }
  return title.length <= shortTitleLength ? 0.5 : 0
}

/** UTF-16 units: about four English words ("Call the dentist back"). */
const shortTitleLength = 24

const isMorning = ({ localMinuteOfDay }: ContextSnapshot): boolean => localMinuteOfDay >= 300 && localMinuteOfDay < 720
const isEvening = ({ localMinuteOfDay }: ContextSnapshot): boolean =>
  localMinuteOfDay >= 1020 && localMinuteOfDay < 1380
const isNight = ({ localMinuteOfDay }: ContextSnapshot): boolean => localMinuteOfDay >= 1380 || localMinuteOfDay < 300

const overdueShare = ({ openTasks, overdueTasks }: ContextSnapshot): number =>
  openTasks > 0 ? Math.min(1, Math.max(0, overdueTasks) / openTasks) : 0
