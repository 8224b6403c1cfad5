/** A task on the wire as the candidate it makes. Pure; says nothing about sleeping, which reactions decide. */
import type { Candidate } from "../../schemas/Candidate.ts"
import type { TaskChanged } from "../../schemas/gen/tipstream/events/v1/signals_pb.ts"

export const candidateIdOf = (provider: string, taskId: string): string => `${provider}:${taskId}`

/** Undefined when the event holds no task: an event from a later version of us. */
export const taskCandidate = (event: TaskChanged): Candidate | undefined => {
  const { provider, task } = event
  if (task === undefined || task.taskId === "") return undefined
  return {
    candidateId: candidateIdOf(provider, task.taskId),
    kind: "todo",
    source: provider,
    title: task.title,
    body: task.description,
    deepLink: task.deepLink === "" ? null : task.deepLink,
    projectName: task.projectName ?? null,
    labels: task.labels,
    priority: task.priority,
    dueDate: task.due?.date ?? null,
    dueAtMs: task.due?.atMs === undefined ? null : Number(task.due.atMs),
    isRecurring: task.due?.isRecurring ?? false,
    durationMinutes: task.durationMinutes ?? null,
    addedAtMs: task.addedAtMs === undefined ? null : Number(task.addedAtMs),
    timesPostponed: event.timesPostponed,
    sleepsUntilMs: null,
  }
}
