/**
 * Everything the SDK reads of an account, one call each. `sdk.int.test.ts` runs them on what the simulator sends,
 * `requiredKeys.int.test.ts` on the same replies with a key missing.
 */
import {
  createCommand,
  SyncErrorSchema,
  type TodoistApi,
  TodoistRequestError,
  TodoistSyncError,
} from "@doist/todoist-sdk"

export interface Account {
  readonly api: TodoistApi
  /** From before the task was made. */
  readonly since: string
  /** A task with due date, deadline and duration. */
  readonly taskId: string
  readonly projectId: string
}

export interface Reading {
  readonly name: string
  readonly read: (account: Account) => Promise<unknown>
}

/** Four weeks either side of now, so within both of the ranges that Todoist allows. */
export const aroundNow = () => {
  const dayMs = 86_400_000
  const at = (days: number) => new Date(Date.now() + days * dayMs).toISOString()
  return { since: at(-20), until: at(20) }
}

const resourceTypes = ["items" as const, "projects" as const, "labels" as const, "user" as const]

export const prepare = async (api: TodoistApi): Promise<Account> => {
  const before = await api.sync({ syncToken: "*", resourceTypes })
  const projectId = before.projects?.find(({ name }) => name !== "Inbox")?.id ?? "none"
  const args = {
    content: "Ring the plumber",
    projectId,
    labels: ["home"],
    priority: 4 as const,
    due: { date: "2030-01-02T09:00:00" },
    deadline: { date: "2030-01-03" },
    duration: { amount: 30, unit: "minute" as const },
  }
  const doneArgs = { ...args, content: "Ring the glazier", due: { string: "today" } }
  const [made, done] = [createCommand("item_add", args, "made"), createCommand("item_add", doneArgs, "done")]
  const { tempIdMapping = {} } = await api.sync({ commands: [made, done] })
  await api.closeTask(tempIdMapping["done"] ?? "none")
  return { api, since: before.syncToken ?? "", taskId: tempIdMapping["made"] ?? "none", projectId }
}

const failure = (error: unknown): TodoistRequestError => {
  if (error instanceof TodoistRequestError) return error
  throw error
}

/** The failed command's error, as the SDK's schema reads it. */
const failedCommand = async ({ api }: Account): Promise<unknown> => {
  const command = createCommand("item_uncomplete", { id: "6X7rM8997g3RQmvh" })
  const error = await api.sync({ commands: [command] }).catch(failure)
  if (!(error instanceof TodoistSyncError)) throw new Error("the command did not fail")
  return SyncErrorSchema.parse(error.syncStatus[command.uuid])
}

export const readings: ReadonlyArray<Reading> = [
  { name: "full sync", read: ({ api }) => api.sync({ syncToken: "*", resourceTypes }) },
  { name: "incremental sync", read: ({ api, since }) => api.sync({ syncToken: since, resourceTypes: ["items"] }) },
  { name: "failed command", read: failedCommand },
  { name: "getTask", read: ({ api, taskId }) => api.getTask(taskId) },
  { name: "getTasks", read: ({ api }) => api.getTasks() },
  { name: "getProjects", read: ({ api }) => api.getProjects() },
  { name: "getUser", read: ({ api }) => api.getUser() },
]
