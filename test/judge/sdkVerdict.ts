/** Hands a reply that was recorded to the official SDK once more: its own code, with its own schemas, reads it. */
import {
  type CustomFetch,
  getAuthToken,
  refreshAuthToken,
  revokeToken,
  SyncErrorSchema,
  TodoistApi,
  TodoistRequestError,
  TodoistSyncError,
} from "@doist/todoist-sdk"
import type { Exchange } from "./recordingProxy.ts"

type Reply = Pick<Exchange, "status" | "body">
type Reading = (reply: Reply) => Promise<unknown>

const serving = ({ status, body }: Reply): CustomFetch => () =>
  Promise.resolve({
    ok: status >= 200 && status < 300,
    status,
    statusText: "",
    headers: {},
    text: () => Promise.resolve(body),
    json: () => Promise.resolve(JSON.parse(body)),
  })

const api = (reply: Reply) => new TodoistApi("token", { customFetch: serving(reply) })

const id = "6X7rM8997g3RQmvh"
const client = { clientId: "id", clientSecret: "secret" }
const range = { since: "2026-01-01T00:00:00Z", until: "2026-02-01T00:00:00Z" }

const parseErrors = (failed: TodoistSyncError) =>
  Object.values(failed.syncStatus).filter((status) => status !== "ok").forEach((status) =>
    SyncErrorSchema.parse(status)
  )

/** Objects as they are on the wire, as the SDK gives them to its caller. */
export const asSdkReads = (body: object) =>
  api({ status: 200, body: JSON.stringify(body) }).sync({ resourceTypes: ["items"] })

/** A failed command makes the SDK throw before it reads the rest, so the rest is read without that command. */
const readSync: Reading = async (reply) => {
  try {
    return await api(reply).sync({ resourceTypes: ["items"] })
  } catch (error) {
    if (!(error instanceof TodoistSyncError)) throw error
    parseErrors(error)
    const body = { ...JSON.parse(reply.body), sync_status: {} }
    return api({ ...reply, body: JSON.stringify(body) }).sync({ resourceTypes: ["items"] })
  }
}

const isTrue = async (answer: Promise<boolean>): Promise<void> => {
  if (!await answer) throw new Error("the SDK says that it did not succeed")
}

const readings: ReadonlyArray<readonly [method: string, path: RegExp, reading: Reading]> = [
  ["POST", /^\/api\/v1\/sync$/, readSync],
  ["GET", /^\/api\/v1\/tasks$/, (reply) => api(reply).getTasks()],
  ["POST", /^\/api\/v1\/tasks$/, (reply) => api(reply).addTask({ content: "a" })],
  [
    "GET",
    /^\/api\/v1\/tasks\/completed\/by_completion_date$/,
    (reply) => api(reply).getCompletedTasksByCompletionDate(range),
  ],
  ["GET", /^\/api\/v1\/tasks\/completed\/by_due_date$/, (reply) => api(reply).getCompletedTasksByDueDate(range)],
  ["GET", /^\/api\/v1\/tasks\/\w+$/, (reply) => api(reply).getTask(id)],
  ["POST", /^\/api\/v1\/tasks\/\w+$/, (reply) => api(reply).updateTask(id, { content: "a" })],
  ["DELETE", /^\/api\/v1\/tasks\/\w+$/, (reply) => isTrue(api(reply).deleteTask(id))],
  ["POST", /^\/api\/v1\/tasks\/\w+\/close$/, (reply) => isTrue(api(reply).closeTask(id))],
  ["POST", /^\/api\/v1\/tasks\/\w+\/reopen$/, (reply) => isTrue(api(reply).reopenTask(id))],
  ["POST", /^\/api\/v1\/tasks\/\w+\/move$/, (reply) => api(reply).moveTask(id, { projectId: id })],
  ["GET", /^\/api\/v1\/projects$/, (reply) => api(reply).getProjects()],
  ["GET", /^\/api\/v1\/projects\/archived$/, (reply) => api(reply).getArchivedProjects()],
  ["POST", /^\/api\/v1\/projects$/, (reply) => api(reply).addProject({ name: "a" })],
  ["POST", /^\/api\/v1\/projects\/\w+$/, (reply) => api(reply).updateProject(id, { name: "a" })],
  ["DELETE", /^\/api\/v1\/projects\/\w+$/, (reply) => isTrue(api(reply).deleteProject(id))],
  ["POST", /^\/api\/v1\/projects\/\w+\/archive$/, (reply) => api(reply).archiveProject(id)],
  ["POST", /^\/api\/v1\/projects\/\w+\/unarchive$/, (reply) => api(reply).unarchiveProject(id)],
  ["GET", /^\/api\/v1\/projects\/\w+$/, (reply) => api(reply).getProject(id)],
  ["GET", /^\/api\/v1\/projects\/\w+\/collaborators$/, (reply) => api(reply).getProjectCollaborators(id)],
  ["GET", /^\/api\/v1\/sections$/, (reply) => api(reply).getSections({ projectId: id })],
  ["GET", /^\/api\/v1\/labels$/, (reply) => api(reply).getLabels()],
  ["GET", /^\/api\/v1\/activities$/, (reply) => api(reply).getActivityLogs()],
  ["GET", /^\/api\/v1\/user$/, (reply) => api(reply).getUser()],
  ["POST", /^\/oauth\/access_token$/, (reply) => getAuthToken({ ...client, code: "a" }, oauth(reply))],
  ["POST", /^\/api\/v1\/revoke$/, (reply) => isTrue(revokeToken({ ...client, token: "a" }, oauth(reply)))],
]

const oauth = (reply: Reply) => ({ customFetch: serving(reply) })

/** What the SDK makes of an error: its own error with the status and the body, and a body that its schema accepts. */
const readError = async (reply: Reply): Promise<void> => {
  const failed = await refreshAuthToken({ ...client, refreshToken: "a" }, oauth(reply)).catch((error) => error)
  if (!(failed instanceof TodoistRequestError) || failed.httpStatusCode !== reply.status) {
    throw new Error("the SDK does not say which status it was")
  }
  const body = JSON.stringify({ sync_status: { any: failed.responseData } })
  const asCommand = await api({ status: 200, body }).sync({ resourceTypes: ["items"] }).catch((error) => error)
  if (!(asCommand instanceof TodoistSyncError)) throw new Error("the SDK cannot read the error")
  parseErrors(asCommand)
}

/** Null, or why the SDK cannot read the reply; one to a call that is not in the table above counts as unreadable. */
export const sdkVerdict = async (exchange: Exchange): Promise<string | null> => {
  const { method, url, status } = exchange
  const reading = readings.find(([of, path]) => of === method && path.test(url.pathname))?.[2]
  // OAuth errors have the one key of RFC 6749, which `envelope.ts` looks at.
  if (status >= 400 && /^\/oauth\/|^\/api\/v1\/revoke$/.test(url.pathname)) return null
  try {
    if (status >= 400) await readError(exchange)
    else if (reading === undefined) return `nobody judges ${method} ${url.pathname}`
    else await reading(exchange)
    return null
  } catch (error) {
    return `${method} ${url.pathname} ${status}: ${error instanceof Error ? error.message : String(error)}`
  }
}
