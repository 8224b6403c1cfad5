/** The moment of deciding as the user lives it, out of what the store knows. Pure; features read nothing else. */
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"
import { toLocal } from "../../schemas/localTime.ts"
import type { Situation } from "./Decisions.ts"

export const contextSnapshot = (situation: Situation, decidedAtMs: number): ContextSnapshot => {
  const local = toLocal(decidedAtMs, situation.timeZone)
  const todos = situation.candidates.filter((candidate) => candidate.kind === "todo")
  return {
    decidedAtMs,
    timeZone: situation.timeZone,
    localDate: local.date,
    localMinuteOfDay: local.minuteOfDay,
    localWeekday: local.weekday,
    openTasks: todos.length,
    overdueTasks: todos.filter((candidate) => isOverdue(candidate, local.date, decidedAtMs)).length,
    doneLast7Days: situation.doneLast7Days,
    dismissedLast7Days: situation.dismissedLast7Days,
  }
}

/** Dates compare as text: both are `YYYY-MM-DD`. */
const isOverdue = ({ dueAtMs, dueDate }: Candidate, today: string, nowMs: number): boolean =>
  dueAtMs !== null ? dueAtMs < nowMs : dueDate !== null && dueDate < today
