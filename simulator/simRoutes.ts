/** `/_sim/`: watching and steering the simulator. Nothing of it exists at Todoist. */
import { randomUUID } from "node:crypto"
import type { Account } from "./account.ts"
import type { HttpRequest } from "./api.ts"
import { isTimeZone } from "./calendar.ts"
import { enqueue, type Fault, readFault, readRates } from "./faults.ts"
import { liveOnce } from "./life.ts"
import { json, type Reply } from "./reply.ts"
import { seedAccount } from "./seed.ts"
import { accountsMax, type World } from "./world.ts"

type SimCall = { readonly world: World; readonly request: HttpRequest }
type SimRoute = (call: SimCall) => Reply

const refused = (status: number, error: string): Reply => json(status, { error })

/** The account of `?token=`, or the demo account. */
const withAccount = (then: (account: Account, call: SimCall) => Reply): SimRoute => (call) => {
  const token = call.request.url.searchParams.get("token") ?? call.world.demoToken
  const account = call.world.accounts.get(token)
  return account === undefined ? refused(404, "no account has this token") : then(account, call)
}

const health: SimRoute = ({ world }) =>
  json(200, { status: "ok", accounts: world.accounts.size, faultsQueued: world.faults.queue.length })

const ledger = withAccount((account, { request }) => {
  const taskId = request.url.searchParams.get("task_id")
  const commands = account.ledger.filter((entry) => taskId === null || entry.taskId === taskId)
  const executions: Record<string, Record<string, number>> = {}
  for (const { taskId: task, type, executed } of commands) {
    if (task === null || executed === 0) continue
    const ofTask = executions[task] ??= {}
    ofTask[type] = (ofTask[type] ?? 0) + 1
  }
  return json(200, { commands, executions })
})

const tasks = withAccount((account) =>
  json(200, {
    tasks: [...account.items.values()].map(({ value }) => ({
      id: value.id,
      content: value.content,
      checked: value.checked,
      is_deleted: value.is_deleted,
      due: value.due?.date ?? null,
      is_recurring: value.due?.is_recurring ?? false,
      completed_count: value.completed_count,
    })),
  })
)

const tick = withAccount((account, { world, request }) => {
  const step = liveOnce(account, request.nowMs)
  world.changed()
  return json(200, step)
})

const taskCountMax = 20_000

const accountKeys = ["token", "seed", "taskCount", "timeZone", "fullName", "live"]

const createAccount: SimRoute = ({ world, request }) => {
  const { token = randomUUID(), seed = world.seed, taskCount, timeZone = world.timeZone, fullName, live = false } =
    request.fields
  const unknown = Object.keys(request.fields).filter((key) => !accountKeys.includes(key))
  if (unknown.length > 0) return refused(400, `unknown key ${unknown[0]}; known: ${accountKeys.join(", ")}`)
  if (typeof token !== "string" || !/^[\w.~+/=-]{1,128}$/.test(token)) {
    return refused(400, "token must be a bearer token")
  }
  if (typeof seed !== "string" && typeof seed !== "number") return refused(400, "seed must be a string or a number")
  const count = Number(taskCount ?? 0)
  if (!Number.isInteger(count) || count < 0 || count > taskCountMax) {
    return refused(400, `taskCount must be an integer from 0 to ${taskCountMax}`)
  }
  if (typeof timeZone !== "string" || !isTimeZone(timeZone)) return refused(400, "timeZone must be an IANA zone")
  if (fullName !== undefined && typeof fullName !== "string") return refused(400, "fullName must be a string")
  if (world.accounts.has(token)) return refused(409, "an account with this token exists")
  if (world.accounts.size >= accountsMax) return refused(409, `there are ${accountsMax} accounts already`)
  const account = seedAccount({
    seed: String(seed),
    user: token,
    nowMs: request.nowMs,
    timeZone,
    fullName,
    live: live === true,
    ...(taskCount === undefined ? {} : { taskCount: count }),
  })
  world.accounts.set(token, account)
  world.changed()
  return json(201, { token, userId: account.userId, tasks: account.items.size })
}

const showFaults: SimRoute = ({ world: { faults } }) => json(200, { queue: faults.queue, rates: faults.rates })

/** One fault, an array of them, or `{queue?, rates?}`. Nothing is taken over unless all of it is right. */
const addFaults: SimRoute = (call) => {
  const { world, request: { fields } } = call
  const script = Array.isArray(fields) ? { queue: fields } : "fault" in fields ? { queue: [fields] } : fields
  const unknown = Object.keys(script).filter((key) => key !== "queue" && key !== "rates")
  if (unknown.length > 0) return refused(400, `unknown key ${unknown[0]}; give a fault, or {queue, rates}`)
  const entries: unknown = script["queue"] ?? []
  if (!Array.isArray(entries)) return refused(400, "queue must be an array of faults")
  const added: Array<Fault> = []
  for (const entry of entries) {
    const fault = readFault(entry)
    if (typeof fault === "string") return refused(400, fault)
    added.push(...fault)
  }
  const rates = readRates(script["rates"] ?? world.faults.rates)
  if (typeof rates === "string") return refused(400, rates)
  if (!enqueue(world.faults, added)) return refused(400, "the queue of faults is full")
  world.faults.rates = rates
  return showFaults(call)
}

const clearFaults: SimRoute = (call) => {
  call.world.faults.queue.length = 0
  call.world.faults.rates = {}
  return showFaults(call)
}

const routes: ReadonlyMap<string, SimRoute> = new Map([
  ["GET /_sim/health", health],
  ["GET /_sim/ledger", ledger],
  ["GET /_sim/requests", ({ world }) => json(200, { requests: world.requests })],
  ["GET /_sim/tasks", tasks],
  ["POST /_sim/accounts", createAccount],
  ["POST /_sim/tick", tick],
  ["GET /_sim/faults", showFaults],
  ["POST /_sim/faults", addFaults],
  ["DELETE /_sim/faults", clearFaults],
])

/** Whether a browser sent this for another site: no page elsewhere may steer the simulator. */
const isForeign = ({ headers }: HttpRequest): boolean => {
  const origin = headers["origin"]
  return origin !== undefined && origin !== `http://${headers["host"]}`
}

export const answerSim = (world: World, request: HttpRequest): Reply => {
  if (isForeign(request)) return refused(403, "requests from other sites are refused")
  const route = routes.get(`${request.method} ${request.url.pathname}`)
  return route === undefined ? json(404, { error: "not found", routes: [...routes.keys()] }) : route({ world, request })
}
