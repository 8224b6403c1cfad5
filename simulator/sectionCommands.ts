/** Decisions of the `section_*` commands. */
import { type Account, type Change, projectOf, sectionOf } from "./account.ts"
import { type ApiError, isApiError, projectNotFound, sectionNotFound } from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import { type Args, type Context, flag, type Handler, requiredText } from "./command.ts"
import type { Section } from "./wire.ts"

const written = (value: Section): Change => ({ table: "sections", value })

const add: Handler = (account, args, { nowMs, newId }) => {
  const name = requiredText(args, "name")
  if (isApiError(name)) return name
  const project = projectOf(account, args["project_id"])
  if (project === undefined) return projectNotFound()
  const now = wireTime(nowMs)
  const id = newId()
  const section: Section = {
    id,
    user_id: account.userId,
    project_id: project.id,
    name,
    description: "",
    section_order: account.sections.size + 1,
    is_archived: false,
    is_collapsed: false,
    is_deleted: false,
    added_at: now,
    updated_at: now,
    archived_at: null,
  }
  return { changes: [written(section)], subject: id, created: true }
}

const changing = (
  decide: (section: Section, args: Args, account: Account) => Partial<Section> | ApiError,
): Handler =>
(account, args, { nowMs }) => {
  const section = sectionOf(account, args["id"])
  if (section === undefined) return sectionNotFound()
  const fields = decide(section, args, account)
  if (isApiError(fields)) return fields
  const value = { ...section, ...fields, updated_at: wireTime(nowMs) }
  const archivedAt = value.is_archived ? section.archived_at ?? value.updated_at : null
  return { changes: [written({ ...value, archived_at: archivedAt })], subject: section.id }
}

/** The changes of items that go with their section. */
const itemsIn = (account: Account, sectionId: string, fields: object, { nowMs }: Context): Array<Change> => {
  const changes: Array<Change> = []
  for (const { value } of account.items.values()) {
    if (value.section_id !== sectionId || value.is_deleted) continue
    changes.push({ table: "items", value: { ...value, ...fields, updated_at: wireTime(nowMs) } })
  }
  return changes
}

const withItems = (decide: Handler, fieldsOf: (args: Args) => object): Handler => (account, args, context) => {
  const decided = decide(account, args, context)
  if (isApiError(decided)) return decided
  return { ...decided, changes: [...decided.changes, ...itemsIn(account, decided.subject, fieldsOf(args), context)] }
}

const rename = changing((section, args) => {
  const name = args["name"] === undefined ? section.name : requiredText(args, "name")
  return isApiError(name) ? name : { name, is_collapsed: flag(args["is_collapsed"], section.is_collapsed) }
})

const move = changing((_, args, account) => {
  const project = projectOf(account, args["project_id"])
  return project === undefined ? projectNotFound() : { project_id: project.id }
})

export const sectionHandlers: ReadonlyArray<readonly [type: string, handler: Handler]> = [
  ["section_add", add],
  ["section_update", rename],
  ["section_move", withItems(move, (args) => ({ project_id: args["project_id"] }))],
  ["section_archive", changing(() => ({ is_archived: true }))],
  ["section_unarchive", changing(() => ({ is_archived: false }))],
  ["section_delete", withItems(changing(() => ({ is_deleted: true })), () => ({ is_deleted: true }))],
]
