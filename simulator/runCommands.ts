/**
 * Runs a batch of commands in order. Each stands alone: a failed one changes nothing and later ones still run.
 * A uuid seen before is answered with the first result and executed no more.
 */
import { type Account, apply, type LedgerEntry, ledgerMax, type Outcome, remember, seenUuidsMax } from "./account.ts"
import { type AccountEvent, eventOf } from "./accountEvent.ts"
import {
  alreadyProcessed,
  type ApiError,
  invalidArgument,
  invalidTemporaryId,
  isApiError,
  stamped,
} from "./apiError.ts"
import type { Args, Decision, Handler } from "./command.ts"
import { wireTime } from "./calendar.ts"
import { type CommandEnv, quietEnv } from "./commandEnv.ts"
import { itemHandlers } from "./itemCommands.ts"
import { labelHandlers } from "./labelCommands.ts"
import { projectHandlers } from "./projectCommands.ts"
import { nextEventId, nextId } from "./random.ts"
import { sectionHandlers } from "./sectionCommands.ts"

export type Command = {
  readonly type: string
  readonly uuid: string
  readonly args: Args
  readonly temp_id?: string
}

const handlers: ReadonlyMap<string, Handler> = new Map([
  ...itemHandlers,
  ...projectHandlers,
  ...sectionHandlers,
  ...labelHandlers,
])

/** Decides and applies one command, without uuid or ledger. */
export const execute = (
  account: Account,
  type: string,
  args: Args,
  nowMs: number,
  env: CommandEnv = quietEnv,
): Decision | ApiError => {
  const handler = handlers.get(type)
  if (handler === undefined) return invalidArgument("type", [...handlers.keys()].join(", "))
  const actorId = env.initiatorId ?? account.userId
  const context = { nowMs, zone: account.timeZone, newId: () => freshId(account), switches: env.switches, actorId }
  const decided = handler(account, args, context)
  if (isApiError(decided)) return decided
  const events: Array<AccountEvent> = []
  for (const change of decided.changes) {
    const event = eventOf(type, change, account[change.table].get(change.value.id)?.value, actorId, nowMs)
    if (event !== undefined) events.push(event)
  }
  apply(account, decided.changes, nowMs)
  for (const id of decided.vanished ?? []) account.items.delete(id)
  account.completedCount += decided.completions ?? 0
  env.observe(account, events)
  return decided
}

const freshId = (account: Account): string => {
  for (;;) {
    const id = nextId(account.random)
    if (!account.items.has(id) && !account.projects.has(id) && !account.sections.has(id)) return id
  }
}

type BatchResult = {
  readonly sync_status: Readonly<Record<string, "ok" | ApiError>>
  readonly temp_id_mapping: Readonly<Record<string, string>>
}

export const runCommands = (
  account: Account,
  commands: ReadonlyArray<Command>,
  nowMs: number,
  env: CommandEnv = quietEnv,
): BatchResult => {
  const statuses: Array<readonly [string, Outcome["status"]]> = []
  const tempIds = new Map<string, string>()
  for (const command of commands) {
    const before = account.seen.get(command.uuid)
    const outcome = before ?? runOnce(account, command, tempIds, nowMs, env)
    countArrival(account, command.uuid)
    if (before !== undefined && env.switches.uuidReplay === "already-processed") {
      statuses.push([command.uuid, stamped(alreadyProcessed(), nextEventId(account.random))])
      continue
    }
    statuses.push([command.uuid, outcome.status])
    if (outcome.tempId !== undefined && outcome.realId !== undefined) tempIds.set(outcome.tempId, outcome.realId)
  }
  // fromEntries defines own properties, so a uuid named `__proto__` is only a key.
  return { sync_status: Object.fromEntries(statuses), temp_id_mapping: Object.fromEntries(tempIds) }
}

const runOnce = (
  account: Account,
  command: Command,
  tempIds: ReadonlyMap<string, string>,
  nowMs: number,
  env: CommandEnv,
): Outcome => {
  const args = withRealIds(command.args, tempIds)
  const decided = isApiError(args) ? args : execute(account, command.type, args, nowMs, env)
  const failed = isApiError(decided)
  const status = failed ? stamped(decided, nextEventId(account.random)) : "ok" as const
  const subject = failed ? idIn(command.args) : decided.subject
  record(account, {
    uuid: command.uuid,
    type: command.type,
    taskId: subject,
    at: wireTime(nowMs),
    status,
    executed: failed ? 0 : 1,
    received: 0,
  })
  const made = !failed && decided.created === true && command.temp_id !== undefined
  const outcome: Outcome = made ? { status, tempId: command.temp_id, realId: decided.subject } : { status }
  remember(account.seen, command.uuid, outcome, seenUuidsMax)
  return outcome
}

const idIn = (args: Args): string | null => (typeof args["id"] === "string" ? args["id"] : null)

/** Adds to the ledger, forgetting the oldest entry beyond its bound. */
export const record = (account: Account, entry: LedgerEntry): void => {
  account.ledger.push(entry)
  if (account.ledger.length > ledgerMax) account.ledger.shift()
}

const countArrival = (account: Account, uuid: string): void => {
  // From the end: a retry follows soon after the first try.
  const at = account.ledger.findLastIndex((entry) => entry.uuid === uuid)
  const entry = account.ledger[at]
  if (entry !== undefined) account.ledger[at] = { ...entry, received: entry.received + 1 }
}

const temporaryId = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** Replaces temporary ids made earlier in the same request; one that no command made is an error. */
const withRealIds = (args: Args, tempIds: ReadonlyMap<string, string>): Args | ApiError => {
  const replaced: Record<string, unknown> = { ...args }
  for (const key of ["id", "project_id", "parent_id", "section_id"]) {
    const given = args[key]
    if (typeof given !== "string") continue
    const real = tempIds.get(given)
    if (real !== undefined) replaced[key] = real
    else if (temporaryId.test(given)) return invalidTemporaryId(key)
  }
  return replaced
}
