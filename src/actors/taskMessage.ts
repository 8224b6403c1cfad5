/** A task of ours as the message on the wire. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { TaskSchema } from "../../schemas/gen/tipstream/events/v1/signals_pb.ts"
import type { Task } from "../../schemas/Task.ts"

export const taskMessage = (task: Task): MessageInitShape<typeof TaskSchema> => ({
  taskId: task.taskId,
  title: task.title,
  description: task.description,
  labels: [...task.labels],
  priority: task.priority,
  deepLink: task.deepLink,
  ...(task.projectName === null ? {} : { projectName: task.projectName }),
  ...(task.parentId === null ? {} : { parentId: task.parentId }),
  ...(task.durationMinutes === null ? {} : { durationMinutes: task.durationMinutes }),
  ...(task.addedAtMs === null ? {} : { addedAtMs: BigInt(task.addedAtMs) }),
  ...(task.due === null ? {} : {
    due: {
      date: task.due.date,
      isRecurring: task.due.isRecurring,
      ...(task.due.atMs === null ? {} : { atMs: BigInt(task.due.atMs) }),
    },
  }),
})
