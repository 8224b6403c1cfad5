/** What happened to an account, in the words of Todoist's webhooks and activity log. */
import type { Change } from "./account.ts"
import type { Item, Label, Project, Section } from "./wire.ts"

export type UpdateIntent = "item_updated" | "item_completed" | "item_uncompleted" | "responsible_uid_changed"

export type AccountEvent = {
  /** `item:completed` and so on. */
  readonly name: string
  readonly object: Item | Project | Section | Label
  /** The item before an update. */
  readonly before: Item | undefined
  readonly intent: UpdateIntent | undefined
  readonly initiatorId: string
  readonly atMs: number
}

type Flags = { readonly is_deleted: boolean; readonly is_archived?: boolean; readonly checked?: boolean }

const verbOf = (before: Flags | undefined, after: Flags): string => {
  if (before === undefined) return "added"
  if (before.is_deleted !== after.is_deleted) return after.is_deleted ? "deleted" : "added"
  if (before.checked !== after.checked) return after.checked === true ? "completed" : "uncompleted"
  if (before.is_archived !== after.is_archived) return after.is_archived === true ? "archived" : "unarchived"
  return "updated"
}

const prefixOf = { items: "item", projects: "project", sections: "section", labels: "label" } as const

/** A recurring task that was completed is only updated; the intent says what was meant. */
const intentOf = (commandType: string, before: Item, after: Item): UpdateIntent => {
  if (after.completed_count > before.completed_count) return "item_completed"
  if (commandType === "item_update_date_complete") return "item_uncompleted"
  return before.responsible_uid === after.responsible_uid ? "item_updated" : "responsible_uid_changed"
}

/** Undefined when an object was only sent again. */
export const eventOf = (
  commandType: string,
  change: Change,
  before: Change["value"] | undefined,
  initiatorId: string,
  atMs: number,
): AccountEvent | undefined => {
  // Who shares a project is told by sync alone.
  if (change.table === "collaborators" || change.table === "collaboratorStates") return undefined
  if (before === change.value) return undefined
  const verb = verbOf(before as Flags | undefined, change.value)
  const isUpdate = verb === "updated" && change.table === "items"
  const old = isUpdate ? before as Item : undefined
  return {
    name: `${prefixOf[change.table]}:${verb}`,
    object: change.value,
    before: old,
    intent: isUpdate ? intentOf(commandType, before as Item, change.value) : undefined,
    initiatorId,
    atMs,
  }
}
