/**
 * Everything the SDK reads of an account, one call each. `sdk.int.test.ts` runs them on what the simulator sends,
 * `requiredKeys.int.test.ts` on the same replies with a key missing.
 */
import {
  createCommand,
  getAuthToken,
  SyncErrorSchema,
  type TodoistApi,
  TodoistRequestError,
  TodoistSyncError,
} from "@doist/todoist-sdk"
import { randomUUID } from "node:crypto"
import { codeOf, type OAuthApp, registerApp } from "./oauthApp.ts"
import type { SimulatorProcess } from "./simulatorProcess.ts"

export interface Account {
  readonly api: TodoistApi
  readonly baseUrl: string
  readonly app: OAuthApp
  readonly code: () => Promise<string>
  /** From before the task was made. */
  readonly since: string
  /** A task with due date, deadline and duration. */
  readonly taskId: string
  /** With others in it. */
  readonly projectId: string
}

export interface Reading {
  readonly name: string
  readonly read: (account: Account) => Promise<unknown>
}

/** Within both of the ranges that Todoist allows. */
export const aroundNow = () => {
  const dayMs = 86_400_000
  const at = (days: number) => new Date(Date.now() + days * dayMs).toISOString()
  return { since: at(-20), until: at(20) }
}

const resourceTypes = [
  "items" as const,
  "projects" as const,
  "sections" as const,
  "labels" as const,
  "user" as const,
  "collaborators" as const,
  "collaborator_states" as const,
]

/** An account in which every reading finds something. */
export const prepare = async (
  simulator: SimulatorProcess,
  { api, token, baseUrl }: { readonly api: TodoistApi; readonly token: string; readonly baseUrl: string },
): Promise<Account> => {
  const app = await registerApp(simulator)
  const { projectId } = await simulator.control<{ projectId: string }>("POST", "/_sim/share", { token })
  const { syncToken = "" } = await api.sync({ syncToken: "*", resourceTypes: ["items"] })
  const args = {
    content: "Ring the plumber",
    projectId,
    labels: ["home"],
    priority: 4 as const,
    due: { date: "2030-01-02T09:00:00" },
    deadline: { date: "2030-01-03" },
    duration: { amount: 30, unit: "minute" as const },
  }
  const [made, done] = [randomUUID(), randomUUID()]
  const { tempIdMapping = {} } = await api.sync({
    commands: [
      createCommand("section_add", { name: "Soon", projectId }, randomUUID()),
      createCommand("item_add", args, made),
      createCommand("item_add", { ...args, content: "Ring the glazier", due: { string: "today" } }, done),
    ],
  })
  await api.closeTask(tempIdMapping[done] ?? "none")
  return {
    api,
    baseUrl,
    app,
    code: () => codeOf(simulator, app, { token }),
    since: syncToken,
    taskId: tempIdMapping[made] ?? "none",
    projectId,
  }
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

const whole = {
  content: "Ring the roofer",
  dueDatetime: "2030-01-02T09:00:00",
  duration: 30,
  durationUnit: "minute" as const,
  deadlineDate: "2030-01-03",
}

const exchangeCode = async ({ app: { clientId, clientSecret }, code, baseUrl }: Account) =>
  getAuthToken({ clientId, clientSecret, code: await code() }, { baseUrl })

export const readings: ReadonlyArray<Reading> = [
  { name: "full sync", read: ({ api }) => api.sync({ syncToken: "*", resourceTypes }) },
  { name: "incremental sync", read: ({ api, since }) => api.sync({ syncToken: since, resourceTypes: ["items"] }) },
  { name: "failed command", read: failedCommand },
  { name: "getTask", read: ({ api, taskId }) => api.getTask(taskId) },
  { name: "getTasks", read: ({ api }) => api.getTasks() },
  { name: "addTask", read: ({ api }) => api.addTask(whole) },
  { name: "updateTask", read: ({ api, taskId }) => api.updateTask(taskId, { priority: 3 }) },
  { name: "moveTask", read: ({ api, taskId, projectId }) => api.moveTask(taskId, { projectId }) },
  {
    name: "getCompletedTasksByCompletionDate",
    read: ({ api }) => api.getCompletedTasksByCompletionDate(aroundNow()),
  },
  { name: "getCompletedTasksByDueDate", read: ({ api }) => api.getCompletedTasksByDueDate(aroundNow()) },
  { name: "getProject", read: ({ api, projectId }) => api.getProject(projectId) },
  { name: "getProjects", read: ({ api }) => api.getProjects() },
  { name: "getProjectCollaborators", read: ({ api, projectId }) => api.getProjectCollaborators(projectId) },
  { name: "getSections", read: ({ api, projectId }) => api.getSections({ projectId }) },
  { name: "getLabels", read: ({ api }) => api.getLabels() },
  { name: "getActivityLogs", read: ({ api }) => api.getActivityLogs() },
  { name: "getUser", read: ({ api }) => api.getUser() },
  { name: "getAuthToken", read: exchangeCode },
]
