/** Decisions of the `project_*` commands. */
import { type Account, type Change, projectOf } from "./account.ts"
import { type ApiError, inboxIsFixed, isApiError, projectNotFound } from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import {
  type Args,
  contentMax,
  firstError,
  flag,
  given,
  type Handler,
  isTextUpTo,
  optional,
  requiredText,
} from "./command.ts"
import type { Project } from "./wire.ts"

const written = (value: Project): Change => ({ table: "projects", value })

const viewStyles = ["list", "board", "calendar"]

const fieldError = (args: Args): ApiError | undefined =>
  firstError(
    optional(args, "color", "the name of a color", isTextUpTo(32)),
    optional(args, "description", `a text of up to ${contentMax} characters`, isTextUpTo(contentMax)),
    optional(args, "view_style", "list, board or calendar", (style) => viewStyles.includes(style as string)),
  )

const readFields = (args: Args, current: Project): Project => ({
  ...current,
  color: (args["color"] as string | undefined) ?? current.color,
  description: (args["description"] as string | undefined) ?? current.description,
  view_style: (args["view_style"] as Project["view_style"] | undefined) ?? current.view_style,
  is_favorite: flag(args["is_favorite"], current.is_favorite),
  is_collapsed: flag(args["is_collapsed"] ?? args["collapsed"], current.is_collapsed),
})

/** A project as `project_add` makes it when only its name is given. */
export const newProject = (id: string, name: string, childOrder: number, now: string): Project => ({
  id,
  name,
  description: "",
  color: "charcoal",
  parent_id: null,
  child_order: childOrder,
  default_order: 0,
  view_style: "list",
  is_collapsed: false,
  is_shared: false,
  is_favorite: false,
  is_archived: false,
  is_deleted: false,
  is_frozen: false,
  can_assign_tasks: false,
  inbox_project: false,
  created_at: now,
  updated_at: now,
})

const add: Handler = (account, args, { nowMs, newId }) => {
  const name = requiredText(args, "name")
  if (isApiError(name)) return name
  const failed = fieldError(args)
  if (failed !== undefined) return failed
  const parent = given(args, "parent_id") === null ? null : projectOf(account, args["parent_id"])
  if (parent === undefined) return projectNotFound()
  const id = newId()
  const made = newProject(id, name, account.projects.size + 1, wireTime(nowMs))
  return {
    changes: [written({ ...readFields(args, made), parent_id: parent?.id ?? null })],
    subject: id,
    created: true,
  }
}

const update: Handler = (account, args, { nowMs }) => {
  const project = projectOf(account, args["id"])
  if (project === undefined) return projectNotFound()
  const name = args["name"] === undefined ? project.name : requiredText(args, "name")
  if (isApiError(name)) return name
  const failed = fieldError(args)
  if (failed !== undefined) return failed
  const value = { ...readFields(args, project), name, updated_at: wireTime(nowMs) }
  return { changes: [written(value)], subject: project.id }
}

/** The project and all projects below it, which are archived and deleted together. */
const subtree = (account: Account, id: string): Array<Project> => {
  const found = new Map<string, Project>()
  const root = projectOf(account, id)
  if (root !== undefined) found.set(id, root)
  // Each pass adds one level; it ends when a pass adds none.
  for (let size = 0; size !== found.size;) {
    size = found.size
    for (const { value } of account.projects.values()) {
      if (value.parent_id !== null && !value.is_deleted && found.has(value.parent_id)) found.set(value.id, value)
    }
  }
  return [...found.values()]
}

const setOnSubtree = (fields: Partial<Project>): Handler => (account, args, { nowMs }) => {
  const project = projectOf(account, args["id"])
  if (project === undefined) return projectNotFound()
  if (project.inbox_project) return inboxIsFixed()
  const changes = subtree(account, project.id)
    .map((one) => written({ ...one, ...fields, updated_at: wireTime(nowMs) }))
  return { changes, subject: project.id }
}

/**
 * The project alone comes back, as the last root project. Its sections and items are sent again, because a client that
 * read a full snapshot meanwhile has never seen them.
 */
const unarchive: Handler = (account, args, { nowMs }) => {
  const project = projectOf(account, args["id"])
  if (project === undefined) return projectNotFound()
  if (!project.is_archived) return { changes: [], subject: project.id }
  const inside: Array<Change> = []
  for (const { value } of account.sections.values()) {
    if (!value.is_deleted && value.project_id === project.id) inside.push({ table: "sections", value })
  }
  for (const { value } of account.items.values()) {
    if (!value.is_deleted && value.project_id === project.id) inside.push({ table: "items", value })
  }
  const root = { ...project, is_archived: false, parent_id: null, child_order: account.projects.size + 1 }
  return { changes: [written({ ...root, updated_at: wireTime(nowMs) }), ...inside], subject: project.id }
}

/** The project's items and sections become tombstones too, or merely vanish. */
const remove: Handler = (account, args, context) => {
  const decided = setOnSubtree({ is_deleted: true })(account, args, context)
  if (isApiError(decided)) return decided
  const gone = new Set(decided.changes.map(({ value }) => value.id))
  const tombstone = { is_deleted: true, updated_at: wireTime(context.nowMs) }
  const inside = [...account.items.values()].map(({ value }) => value)
    .filter((item) => !item.is_deleted && gone.has(item.project_id))
  if (context.switches.projectDelete === "vanish") return { ...decided, vanished: inside.map(({ id }) => id) }
  const items = inside.map((item): Change => ({ table: "items", value: { ...item, ...tombstone } }))
  const sections = [...account.sections.values()].map(({ value }) => value)
    .filter((section) => !section.is_deleted && gone.has(section.project_id))
    .map((section): Change => ({ table: "sections", value: { ...section, ...tombstone } }))
  return { ...decided, changes: [...decided.changes, ...sections, ...items] }
}

export const projectHandlers: ReadonlyArray<readonly [type: string, handler: Handler]> = [
  ["project_add", add],
  ["project_update", update],
  ["project_archive", setOnSubtree({ is_archived: true })],
  ["project_unarchive", unarchive],
  ["project_delete", remove],
]
