/**
 * Folds a reply into what the cursor knows: the tasks it reports and the next cursor, or that everything must be read. Pure.
 *
 * An incremental reply holds the tasks that changed. When a project is renamed, archived, brought back or deleted, or
 * the user moves to another zone, tasks change that it does not hold. Instead of keeping all tasks here to find them, the
 * answer is to read everything again: simple, right, and rare beside 100 allowed full reads in 15 minutes.
 */
import type { TaskObservation } from "../Connector.ts"
import type { Cursor, Project } from "./cursor.ts"
import type { Reply } from "./syncResponse.ts"
import { decodeItem, type Item, observe } from "./taskMapping.ts"

export interface Reading {
  readonly cursor: Cursor
  readonly isSnapshot: boolean
  /** By task id. Of a snapshot: the open ones only. */
  readonly tasks: ReadonlyMap<string, TaskObservation>
  readonly quarantined: number
  /** How old a snapshot was when it was sent. */
  readonly ageMs: number
}

export type Outcome =
  | { readonly _tag: "Read"; readonly reading: Reading }
  | { readonly _tag: "ReadEverything" }
  /** Most items of a full reply make no sense: it is the format that changed. Taken at its word, all tasks were gone. */
  | { readonly _tag: "Unreadable" }

/** Below this many items, one or two broken ones are a majority. */
const unreadableMin = 10

export const readReply = (previous: Cursor | null, reply: Reply): Outcome =>
  reply.isFull || previous === null ? readFull(previous, reply) : readChanges(previous, reply)

const readFull = (previous: Cursor | null, reply: Reply): Outcome => {
  const projects = new Map<string, Project>()
  for (const project of reply.projects) {
    if (project !== undefined && !project.isDeleted) {
      projects.set(project.id, { name: project.name, isArchived: project.isArchived })
    }
  }
  const cursor = {
    syncToken: reply.syncToken,
    projects,
    timeZone: reply.user === null ? previous?.timeZone ?? null : reply.user.timeZone,
    userId: reply.user?.id ?? previous?.userId ?? null,
  }
  const { items, quarantined } = decodeItems(reply.items)
  if (reply.items.length >= unreadableMin && quarantined * 2 > reply.items.length) return { _tag: "Unreadable" }
  const tasks = new Map<string, TaskObservation>()
  for (const item of items) {
    const observation = observe(item, cursor)
    if (observation.state === "open") tasks.set(item.id, observation)
  }
  return { _tag: "Read", reading: { cursor, isSnapshot: true, tasks, quarantined, ageMs: reply.snapshotAgeMs } }
}

const readChanges = (previous: Cursor, reply: Reply): Outcome => {
  const { items, quarantined } = decodeItems(reply.items)
  if (movesOtherTasks(previous, reply, items)) return { _tag: "ReadEverything" }
  const cursor = { ...previous, syncToken: reply.syncToken, userId: reply.user?.id ?? previous.userId }
  const tasks = new Map<string, TaskObservation>()
  for (const item of items) tasks.set(item.id, observe(item, cursor))
  return { _tag: "Read", reading: { cursor, isSnapshot: false, tasks, quarantined, ageMs: 0 } }
}

const decodeItems = (wire: ReadonlyArray<unknown>): { items: ReadonlyArray<Item>; quarantined: number } => {
  const items = wire.map(decodeItem).filter((item) => item !== undefined)
  return { items, quarantined: wire.length - items.length }
}

const movesOtherTasks = (previous: Cursor, reply: Reply, items: ReadonlyArray<Item>): boolean => {
  const isNewZone = reply.user !== null && reply.user.timeZone !== previous.timeZone
  const isNewUser = typeof reply.user?.id === "string" && reply.user.id !== previous.userId
  return isNewZone || isNewUser || reply.projects.some((change) => {
    if (change === undefined) return true
    const known = previous.projects.get(change.id)
    // A project not known may be new, or one just taken out of the archive, whose tasks need not be in this reply.
    return change.isDeleted
      ? known !== undefined
      : known?.name !== change.name || known.isArchived !== change.isArchived
  }) || items.some((item) =>
    // Its project came with no reply, so only a full one can say whether the task is in sight.
    !item.is_deleted && !item.checked && item.project_id !== null && !previous.projects.has(item.project_id)
  )
}

/**
 * A snapshot brought up to date by the changes read with its token. Where the changes call for a full read themselves
 * it is left as it is: the next call starts from its token and finds them again.
 */
export const caughtUp = (snapshot: Reading, reply: Reply): Reading => {
  const outcome = reply.isFull ? undefined : readReply(snapshot.cursor, reply)
  if (outcome?._tag !== "Read") return snapshot
  const { reading: changes } = outcome
  const tasks = new Map(snapshot.tasks)
  for (const [taskId, observation] of changes.tasks) {
    if (observation.state === "open") tasks.set(taskId, observation)
    else tasks.delete(taskId)
  }
  return { ...snapshot, cursor: changes.cursor, tasks, quarantined: snapshot.quarantined + changes.quarantined }
}
