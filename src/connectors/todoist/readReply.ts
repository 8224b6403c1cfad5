/**
 * Folds a reply into what the cursor knows: the tasks and the next cursor, or that everything must be read. Pure.
 *
 * An incremental reply holds the tasks that changed. When a project is renamed, archived, brought back or deleted, or
 * the user moves to another zone, tasks change that it does not hold. Instead of keeping all tasks here to find them,
 * everything is read again: simple, right, and rare beside 100 allowed full reads in 15 minutes.
 */
import type { Signal } from "../Connector.ts"
import { type Cursor, encodeCursor, type Project, quarantinedMax } from "./cursor.ts"
import type { FoundTask } from "./getTask.ts"
import type { ProjectChange, Reply } from "./syncResponse.ts"
import { type Account, decodeItem, type Item, itemId, observe } from "./taskMapping.ts"

export interface Reading {
  /** From where the next call reads on. */
  readonly cursor: Cursor
  readonly isSnapshot: boolean
  /** By id, each as it stood last. */
  readonly items: ReadonlyMap<string, Item>
  /** What the items are read with. */
  readonly account: Account
  readonly quarantined: Quarantine
  /** How old a snapshot was when it was sent. */
  readonly ageMs: number
}

/** What could not be understood: the ids, and how many had not even one. */
interface Quarantine {
  readonly ids: ReadonlySet<string>
  readonly nameless: number
}

export type Outcome =
  | { readonly _tag: "Read"; readonly reading: Reading }
  | { readonly _tag: "ReadEverything" }
  /** Most items of a full reply make no sense: the format changed. Taken at its word, all tasks would be gone. */
  | { readonly _tag: "Unreadable" }

/** Below this many items, one or two broken ones are a majority. */
const unreadableMin = 10

export const readReply = (previous: Cursor | null, reply: Reply): Outcome =>
  reply.isFull || previous === null ? readFull(previous, reply) : readChanges(previous, reply)

const readFull = (previous: Cursor | null, reply: Reply): Outcome => {
  const { items, quarantined } = decodeItems(reply)
  const unread = quarantined.ids.size + quarantined.nameless
  if (reply.items.length >= unreadableMin && unread * 2 > reply.items.length) return { _tag: "Unreadable" }
  const account = {
    projects: withChanges(new Map(), reply.projects),
    timeZone: reply.user === null ? previous?.timeZone ?? null : reply.user.timeZone,
    userId: reply.user?.id ?? previous?.userId ?? null,
  }
  const cursor = { ...account, syncToken: reply.syncToken, quarantined: bounded(quarantined.ids) }
  return {
    _tag: "Read",
    reading: { cursor, isSnapshot: true, items, account, quarantined, ageMs: reply.snapshotAgeMs },
  }
}

const readChanges = (previous: Cursor, reply: Reply): Outcome => {
  const { items, quarantined } = decodeItems(reply)
  if (movesOtherTasks(previous, reply, items)) return { _tag: "ReadEverything" }
  const cursor = {
    ...previous,
    syncToken: reply.syncToken,
    quarantined: remembered(previous.quarantined, items, quarantined),
  }
  return { _tag: "Read", reading: { cursor, isSnapshot: false, items, account: cursor, quarantined, ageMs: 0 } }
}

const decodeItems = (reply: Reply): { items: ReadonlyMap<string, Item>; quarantined: Quarantine } => {
  const items = new Map<string, Item>()
  const ids = new Set<string>()
  let nameless = 0
  for (const wire of reply.items) {
    const item = decodeItem(wire)
    const id = item?.id ?? itemId(wire)
    if (id === null) {
      nameless += 1
      continue
    }
    // Of one that comes twice the last counts.
    items.delete(id)
    ids.delete(id)
    if (item === undefined) ids.add(id)
    else items.set(id, item)
  }
  return { items, quarantined: { ids, nameless } }
}

const bounded = (ids: Iterable<string>): ReadonlyArray<string> => Array.from(ids).slice(0, quarantinedMax)

const remembered = (before: ReadonlyArray<string>, items: Reading["items"], { ids }: Quarantine) =>
  bounded([...before.filter((id) => !items.has(id) && !ids.has(id)), ...ids])

const withChanges = (
  projects: Cursor["projects"],
  changes: ReadonlyArray<ProjectChange | undefined>,
): Cursor["projects"] => {
  const changed = new Map<string, Project>(projects)
  for (const change of changes) {
    if (change?.isDeleted === true) changed.delete(change.id)
    else if (change !== undefined) changed.set(change.id, { name: change.name, isArchived: change.isArchived })
  }
  return changed
}

const movesOtherTasks = (previous: Account, reply: Reply, items: ReadonlyMap<string, Item>): boolean => {
  const isNewZone = reply.user !== null && reply.user.timeZone !== previous.timeZone
  const isNewUser = typeof reply.user?.id === "string" && reply.user.id !== previous.userId
  return isNewZone || isNewUser || reply.projects.some((change) => {
    if (change === undefined) return true
    const known = previous.projects.get(change.id)
    // A project not known may be new, or one just taken out of the archive, whose tasks need not be in this reply.
    return change.isDeleted
      ? known !== undefined
      : known?.name !== change.name || known.isArchived !== change.isArchived
  }) || Array.from(items.values()).some((item) =>
    // Its project came with no reply, so only a full one can say whether the task is in sight.
    !item.is_deleted && !item.checked && item.project_id !== null && !previous.projects.has(item.project_id)
  )
}

/**
 * A snapshot brought up to date by the changes read with its token. Where these call for a full read themselves, the
 * cursor stays before them: the tasks are the best there is by now, and the next call finds the changes again.
 */
export const caughtUp = (snapshot: Reading, reply: Reply): Reading => {
  if (reply.isFull) return snapshot
  const changes = decodeItems(reply)
  const account = {
    projects: withChanges(snapshot.account.projects, reply.projects),
    timeZone: reply.user === null ? snapshot.account.timeZone : reply.user.timeZone,
    userId: reply.user?.id ?? snapshot.account.userId,
  }
  const items = new Map([...snapshot.items, ...changes.items])
  for (const id of changes.quarantined.ids) items.delete(id)
  const before = Array.from(snapshot.quarantined.ids).filter((id) => !changes.items.has(id))
  const ids = new Set([...before, ...changes.quarantined.ids])
  return {
    ...snapshot,
    account,
    cursor: movesOtherTasks(snapshot.account, reply, changes.items)
      ? snapshot.cursor
      : { ...account, syncToken: reply.syncToken, quarantined: bounded(ids) },
    items,
    quarantined: { ids, nameless: snapshot.quarantined.nameless + changes.quarantined.nameless },
  }
}

/** With quarantined tasks that were asked for by themselves. One that is absent is forgotten: its end was reported. */
export const recovered = (reading: Reading, again: ReadonlyMap<string, FoundTask>): Reading => {
  const still = Array.from(again).flatMap(([id, found]) => found === "unreadable" ? [id] : [])
  const untried = reading.cursor.quarantined.filter((id) => !again.has(id))
  const found = Array.from(again.values()).flatMap((one) => typeof one === "string" ? [] : [[one.id, one] as const])
  return {
    ...reading,
    // Those asked for just now come last, so that the others have their turn.
    cursor: { ...reading.cursor, quarantined: [...untried, ...still] },
    items: new Map([...reading.items, ...found]),
  }
}

/**
 * What the caller is told, made one by one as it is asked for: of a snapshot the open tasks only, because there
 * everything absent is gone.
 */
export const signals = function* (reading: Reading): Generator<Signal> {
  const { items, account, isSnapshot, quarantined } = reading
  yield { _tag: "Account", accountId: account.userId, timeZone: account.timeZone }
  for (const taskId of quarantined.ids) yield { _tag: "Quarantined", taskId }
  for (let n = 0; n < quarantined.nameless; n += 1) yield { _tag: "Quarantined", taskId: null }
  for (const item of items.values()) {
    const observation = observe(item, account)
    if (!isSnapshot || observation.state === "open") yield { _tag: "Task", observation }
  }
  yield { _tag: "Position", cursor: encodeCursor(reading.cursor), isSnapshot }
}
