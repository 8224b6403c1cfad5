/** Controls of accounts: making them, watching them, and doing in them what their user would do in Todoist. */
import { randomUUID } from "node:crypto"
import { type Account, apply, type Change, openItems } from "../account.ts"
import { accountOfToken, addAccount } from "../accounts.ts"
import { isApiError } from "../apiError.ts"
import { isTimeZone, wireTime } from "../calendar.ts"
import { liveOnce } from "../life.ts"
import { newItem } from "../newItem.ts"
import { keepChanged, poolAccountsMax, poolsMax, poolUser } from "../pool.ts"
import { newProject } from "../projectCommands.ts"
import { nextId, nextInt } from "../random.ts"
import { json, type Reply } from "../reply.ts"
import { execute } from "../runCommands.ts"
import { seedAccount } from "../seed.ts"
import { accountsMax, type World } from "../world.ts"
import { refused, type SimCall, type SimRoute, type SimRoutes, unknownKey, withAccount } from "./simRoute.ts"

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
    userId: account.userId,
    tasks: [...account.items.values()].map(({ value }) => ({
      id: value.id,
      content: value.content,
      project_id: value.project_id,
      responsible_uid: value.responsible_uid,
      checked: value.checked,
      is_deleted: value.is_deleted,
      due: value.due?.date ?? null,
      is_recurring: value.due?.is_recurring ?? false,
      completed_count: value.completed_count,
    })),
  })
)

/** Whole objects, deleted ones too, as the account has them. */
const state = withAccount((account) => {
  const values = <A>(table: ReadonlyMap<string, { readonly value: A }>) => [...table.values()].map(({ value }) => value)
  return json(200, {
    userId: account.userId,
    seq: account.seq,
    completedCount: account.completedCount,
    items: values(account.items),
    projects: values(account.projects),
    sections: values(account.sections),
    labels: values(account.labels),
    collaborators: values(account.collaborators),
  })
})

const changedIn = (world: World, account: Account): void => {
  keepChanged(world.accounts.pools, account)
  world.changed()
}

const tick = withAccount((account, { world, request }) => {
  const step = liveOnce(account, request.nowMs, world.env)
  changedIn(world, account)
  return json(200, step)
})

/** A command as the user gives it in Todoist's own app; `as` is somebody in a shared project. */
const act = withAccount((account, { world, request: { fields, nowMs } }) => {
  const unknown = unknownKey(fields, ["token", "userId", "type", "args", "as"])
  if (unknown !== undefined) return refused(400, unknown)
  const { type, args = {}, as } = fields
  if (typeof type !== "string" || typeof args !== "object" || args === null) return refused(400, "give type and args")
  if (as !== undefined && (typeof as !== "string" || !account.collaborators.has(as))) {
    return refused(400, "as must be the id of a collaborator")
  }
  const env = as === undefined ? world.env : { ...world.env, initiatorId: as as string }
  const decided = execute(account, type, args as Record<string, unknown>, nowMs, env)
  changedIn(world, account)
  return isApiError(decided) ? json(400, decided) : json(200, { subject: decided.subject })
})

/** All earlier sync tokens of the account are invalid now. */
const forgetTokens = withAccount((account, { world }) => {
  account.epoch++
  changedIn(world, account)
  return json(200, { epoch: account.epoch })
})

/** What the other two in a shared project are called; ids are made per account. */
const people = [["Sam Shared", "Europe/Lisbon"], ["Kim Common", "Asia/Tokyo"]] as const

/** A project with two others in it, and six tasks: of nobody, of the user, and of others. */
const share = withAccount((account, { world, request: { nowMs } }) => {
  const now = wireTime(nowMs)
  const project = { ...newProject(nextId(account.random), "Shared", account.projects.size + 1, now), is_shared: true }
  const others = people.map(([full_name, timezone]) => {
    const id = String(nextInt(account.random, 10_000_000, 99_999_999))
    return { id, email: `user-${id}@example.com`, full_name, timezone, image_id: null }
  })
  const responsible = [null, account.userId, others[0]!.id, others[1]!.id, null, account.userId]
  const items = responsible.map((responsible_uid, at): Change => ({
    table: "items",
    value: newItem({
      id: nextId(account.random),
      user_id: account.userId,
      project_id: project.id,
      added_by_uid: others[at % 2]!.id,
      assigned_by_uid: responsible_uid === null ? null : others[at % 2]!.id,
      responsible_uid,
      content: `Shared task ${at + 1}`,
      child_order: at + 1,
    }, now),
  }))
  apply(account, [
    { table: "projects", value: { ...project, can_assign_tasks: true } },
    ...others.map((value): Change => ({ table: "collaborators", value })),
    ...[account.userId, ...others.map(({ id }) => id)].map((id): Change => ({
      table: "collaboratorStates",
      value: {
        id: `${project.id}/${id}`,
        user_id: id,
        project_id: project.id,
        state: "active",
        is_deleted: false,
      },
    })),
    ...items,
  ], nowMs)
  changedIn(world, account)
  return json(201, {
    projectId: project.id,
    collaborators: others.map(({ id }) => id),
    tasks: items.map(({ value }) => value.id),
  })
})

const taskCountMax = 20_000
const tokenPattern = /^[\w.~+/=-]{1,128}$/

const accountKeys = ["token", "seed", "taskCount", "timeZone", "fullName", "live"]
const poolKeys = ["count", "itemsPerAccount", "tokenPrefix", "seed", "timeZone"]

const createAccount: SimRoute = (
  call,
) => (call.request.fields["count"] === undefined ? createOne(call) : createPool(call))

const createOne = ({ world, request }: SimCall): Reply => {
  const { token = randomUUID(), seed = world.seed, taskCount, timeZone = world.timeZone, fullName, live = false } =
    request.fields
  const unknown = unknownKey(request.fields, accountKeys)
  if (unknown !== undefined) return refused(400, unknown)
  if (typeof token !== "string" || !tokenPattern.test(token)) return refused(400, "token must be a bearer token")
  if (typeof seed !== "string" && typeof seed !== "number") return refused(400, "seed must be a string or a number")
  const count = Number(taskCount ?? 0)
  if (!Number.isInteger(count) || count < 0 || count > taskCountMax) {
    return refused(400, `taskCount must be an integer from 0 to ${taskCountMax}`)
  }
  if (typeof timeZone !== "string" || !isTimeZone(timeZone)) return refused(400, "timeZone must be an IANA zone")
  if (fullName !== undefined && typeof fullName !== "string") return refused(400, "fullName must be a string")
  if (accountOfToken(world.accounts, token) !== undefined) return refused(409, "an account with this token exists")
  if (world.accounts.byToken.size >= accountsMax) return refused(409, `there are ${accountsMax} accounts already`)
  const account = seedAccount({
    seed: String(seed),
    user: token,
    nowMs: request.nowMs,
    timeZone,
    fullName,
    live: live === true,
    ...(taskCount === undefined ? {} : { taskCount: count }),
  })
  addAccount(world.accounts, token, account)
  world.changed()
  return json(201, { token, userId: account.userId, tasks: openItems(account).length })
}

/** Accounts by the hundred thousand: tokens are the prefix and 0 to count - 1. They are never written to disk. */
const createPool = ({ world, request: { fields, nowMs } }: SimCall): Reply => {
  const { count, itemsPerAccount = 10, tokenPrefix = "load-", seed = world.seed, timeZone = "UTC" } = fields
  const unknown = unknownKey(fields, poolKeys)
  if (unknown !== undefined) return refused(400, unknown)
  const isCount = (value: unknown, max: number): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
  if (!isCount(count, poolAccountsMax)) return refused(400, `count must be an integer up to ${poolAccountsMax}`)
  if (!isCount(itemsPerAccount, 1_000)) return refused(400, "itemsPerAccount must be an integer up to 1000")
  if (typeof tokenPrefix !== "string" || !tokenPattern.test(tokenPrefix) || tokenPrefix.length > 64) {
    return refused(400, "tokenPrefix must be the beginning of bearer tokens")
  }
  if (typeof timeZone !== "string" || !isTimeZone(timeZone)) return refused(400, "timeZone must be an IANA zone")
  const { pools } = world.accounts
  if (pools.length >= poolsMax) return refused(409, `there are ${poolsMax} pools already`)
  if (pools.some((pool) => pool.tokenPrefix === tokenPrefix)) return refused(409, "a pool with this prefix exists")
  const pool = {
    number: pools.length,
    seed: String(seed),
    tokenPrefix,
    count,
    itemsPerAccount,
    timeZone,
    createdAtMs: nowMs,
    pristine: new Map<string, Account>(),
    changed: new Map<string, Account>(),
  }
  pools.push(pool)
  return json(201, { count, first: poolUser(pool, 0), last: poolUser(pool, count - 1) })
}

export const accountControls: SimRoutes = [
  ["GET /_sim/ledger", ledger],
  ["GET /_sim/tasks", tasks],
  ["GET /_sim/state", state],
  ["POST /_sim/accounts", createAccount],
  ["POST /_sim/tick", tick],
  ["POST /_sim/act", act],
  ["POST /_sim/share", share],
  ["POST /_sim/forget-sync-tokens", forgetTokens],
]
