/**
 * One Todoist account: tables of objects, each stamped with the `seq` of its last change.
 *
 * Every change goes through `apply`, which alone moves `seq`; commands only decide which objects to write. So folding
 * "everything with a later seq" over any earlier snapshot gives the present, which is what incremental sync promises.
 */
import type { ApiError } from "./apiError.ts"
import type { RandomState } from "./random.ts"
import type { Activity, Collaborator, CollaboratorState, Item, Label, Project, Section } from "./wire.ts"

export type Stored<A> = { readonly value: A; readonly lastSeq: number; readonly changedAtMs: number }

export type Change =
  | { readonly table: "items"; readonly value: Item }
  | { readonly table: "projects"; readonly value: Project }
  | { readonly table: "sections"; readonly value: Section }
  | { readonly table: "labels"; readonly value: Label }
  | { readonly table: "collaborators"; readonly value: Collaborator }
  | { readonly table: "collaboratorStates"; readonly value: CollaboratorState }

/** What a command uuid led to; a repeated uuid is answered from here. */
export type Outcome = { readonly status: "ok" | ApiError; readonly tempId?: string; readonly realId?: string }

export type LedgerEntry = {
  /** Null for a REST call, which carries no command uuid and is executed every time. */
  readonly uuid: string | null
  readonly type: string
  readonly taskId: string | null
  readonly at: string
  readonly status: "ok" | ApiError
  /** How often the command changed anything: 1, or 0 when it was refused. */
  readonly executed: number
  /** How often it arrived. */
  readonly received: number
}

export type Account = {
  readonly userId: string
  readonly email: string
  readonly fullName: string
  readonly timeZone: string
  readonly inboxProjectId: string
  readonly createdAtMs: number
  /** Whether the life of `life.ts` happens to this account. */
  readonly live: boolean
  /** Part of every sync token; raising it makes all earlier tokens invalid. */
  epoch: number
  seq: number
  /** Tokens older than this are invalid, because tombstones they would need have been dropped. */
  horizonSeq: number
  /** The user object's own `lastSeq`. */
  userSeq: number
  /** Everything ever completed. */
  completedCount: number
  readonly random: RandomState
  readonly items: Map<string, Stored<Item>>
  readonly projects: Map<string, Stored<Project>>
  readonly sections: Map<string, Stored<Section>>
  readonly labels: Map<string, Stored<Label>>
  /** Other people in shared projects, by their id; they have no account here. */
  readonly collaborators: Map<string, Stored<Collaborator>>
  /** By project and person. */
  readonly collaboratorStates: Map<string, Stored<CollaboratorState>>
  /** Newest last. */
  readonly activity: Array<Activity>
  readonly seen: Map<string, Outcome>
  readonly ledger: Array<LedgerEntry>
}

type NewAccount = Pick<
  Account,
  "userId" | "fullName" | "timeZone" | "inboxProjectId" | "createdAtMs" | "random"
>

/** An account before its first object. */
export const emptyAccount = (given: NewAccount): Account => ({
  ...given,
  email: `user-${given.userId}@example.com`,
  live: false,
  epoch: given.createdAtMs,
  seq: 1,
  horizonSeq: 0,
  userSeq: 1,
  completedCount: 0,
  items: new Map(),
  projects: new Map(),
  sections: new Map(),
  labels: new Map(),
  collaborators: new Map(),
  collaboratorStates: new Map(),
  activity: [],
  seen: new Map(),
  ledger: [],
})

/** Completed and deleted items kept; beyond it the oldest quarter goes, so that a long life needs bounded memory. */
export const finishedItemsMax = 4_000
/** Far more than any client retries within the hours a test or demo lasts. */
export const seenUuidsMax = 10_000
export const ledgerMax = 2_000

/** Writes the objects, each under a new `seq`. The only place that changes tables. */
export const apply = (account: Account, changes: ReadonlyArray<Change>, nowMs: number): void => {
  for (const { table, value } of changes) {
    const stored = { value, lastSeq: ++account.seq, changedAtMs: nowMs }
    const rows: Map<string, Stored<unknown>> = account[table]
    rows.set(value.id, stored)
  }
  if (account.items.size > finishedItemsMax) dropOldestFinished(account)
}

const dropOldestFinished = (account: Account): void => {
  const finished = [...account.items.values()].filter(({ value }) => value.checked || value.is_deleted)
  if (finished.length <= finishedItemsMax) return
  finished.sort((a, b) => a.lastSeq - b.lastSeq)
  for (const { value, lastSeq } of finished.slice(0, finishedItemsMax / 4)) {
    account.items.delete(value.id)
    account.horizonSeq = lastSeq
  }
}

/** The item, unless it is unknown or deleted. */
export const itemOf = (account: Account, id: unknown): Item | undefined => {
  const item = typeof id === "string" ? account.items.get(id)?.value : undefined
  return item?.is_deleted === false ? item : undefined
}

/** The project, unless it is unknown or deleted. */
export const projectOf = (account: Account, id: unknown): Project | undefined => {
  const project = typeof id === "string" ? account.projects.get(id)?.value : undefined
  return project?.is_deleted === false ? project : undefined
}

/** The section, unless it is unknown or deleted. */
export const sectionOf = (account: Account, id: unknown): Section | undefined => {
  const section = typeof id === "string" ? account.sections.get(id)?.value : undefined
  return section?.is_deleted === false ? section : undefined
}

/** All living items below this one, at any depth. */
export const descendantsOf = (account: Account, id: string): Array<Item> => {
  const childrenOf = new Map<string, Array<Item>>()
  for (const { value } of account.items.values()) {
    if (value.parent_id === null || value.is_deleted) continue
    const siblings = childrenOf.get(value.parent_id)
    if (siblings === undefined) childrenOf.set(value.parent_id, [value])
    else siblings.push(value)
  }
  const found: Array<Item> = []
  const queue = [id]
  for (let at = 0; at < queue.length; at++) {
    const children = childrenOf.get(queue[at]!) ?? []
    // A parent chain cannot be a cycle (`item_move` refuses it), so this ends.
    found.push(...children)
    queue.push(...children.map((child) => child.id))
  }
  return found
}

/** Not done, not deleted, and in a project that is neither deleted nor archived: what a full sync shows. */
export const isActive = (account: Account, item: Item): boolean =>
  !item.checked && !item.is_deleted && projectOf(account, item.project_id)?.is_archived === false

export const openItems = (account: Account): Array<Item> => {
  const open: Array<Item> = []
  for (const { value } of account.items.values()) if (isActive(account, value)) open.push(value)
  return open
}

/** Keeps a map within its bound by forgetting the oldest entries. */
export const remember = <A>(map: Map<string, A>, key: string, value: A, max: number): void => {
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= max) return
    map.delete(oldest)
  }
}
