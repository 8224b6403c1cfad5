/**
 * A task as any connector reports it: the least that candidates and features need, in our words and units.
 */
import { Schema } from "effect"

export const Provider = Schema.Literals(["todoist", "ical"])
export type Provider = typeof Provider.Type

/**
 * When a task is due. `date` is the day on the user's own calendar (`YYYY-MM-DD`).
 * `atMs` is the instant in epoch milliseconds when the task has a time of day, else null (an all-day task).
 */
export const TaskDue = Schema.Struct({
  date: Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/)),
  atMs: Schema.NullOr(Schema.Int),
  isRecurring: Schema.Boolean,
})
export type TaskDue = typeof TaskDue.Type

export const Task = Schema.Struct({
  /** The provider's own id, opaque. Unique within (user, provider). */
  taskId: Schema.String,
  title: Schema.String,
  description: Schema.String,
  projectName: Schema.NullOr(Schema.String),
  parentId: Schema.NullOr(Schema.String),
  labels: Schema.Array(Schema.String),
  /** 1 (none) to 4 (most urgent), as Todoist's wire has it. */
  priority: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
  due: Schema.NullOr(TaskDue),
  durationMinutes: Schema.NullOr(Schema.Int),
  addedAtMs: Schema.NullOr(Schema.Int),
  deepLink: Schema.String,
})
export type Task = typeof Task.Type
