/** Random commands that clients of one account may send: most make sense, some do not, some come twice. */
import type { SyncCommand } from "@doist/todoist-sdk"
import { randomUUID } from "node:crypto"
import fc from "fast-check"

/** A command before it is known what there is: numbers choose among the tasks and projects the client knows. */
export type Draft =
  | { readonly kind: "task"; readonly type: string; readonly task: number; readonly args: Args }
  | { readonly kind: "add"; readonly parent: number | null; readonly project: number | null; readonly args: Args }
  | { readonly kind: "move"; readonly task: number; readonly project: number | null; readonly parent: number }
  | { readonly kind: "addProject"; readonly parent: number | null; readonly args: Args }
  | { readonly kind: "project"; readonly type: string; readonly project: number; readonly args: Args }
  | { readonly kind: "section" | "label"; readonly type: string; readonly at: number; readonly project: number }
  | { readonly kind: "intoSection"; readonly task: number; readonly section: number }
  | { readonly kind: "nonsense"; readonly type: string; readonly args: Args }
  | { readonly kind: "again"; readonly earlier: number }

type Args = Readonly<Record<string, unknown>>

/** What the client knows: ids by number. */
export interface Known {
  readonly tasks: ReadonlyArray<string>
  readonly projects: ReadonlyArray<string>
  readonly sections: ReadonlyArray<string>
  readonly labels: ReadonlyArray<string>
  readonly sent: ReadonlyArray<SyncCommand>
}

const which = fc.nat(1_000)
const maybe = fc.option(which)

const due = fc.constantFrom(
  null,
  { date: "2030-01-02" },
  { date: "2030-01-02T09:30:00" },
  { date: "2030-01-02T09:30:00Z", timezone: "Europe/Madrid" },
  { string: "today" },
  { string: "every day" },
  { string: "every monday at 9:00" },
  { string: "every! 3 days" },
)

const taskFields = fc.record({
  content: fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }).map((text) => `x${text}`),
  description: fc.string({ maxLength: 40 }),
  priority: fc.integer({ min: 1, max: 4 }),
  labels: fc.subarray(["home", "work", "later"]),
  due,
  deadline: fc.constantFrom(null, { date: "2030-02-03" }),
  duration: fc.constantFrom(null, { amount: 15, unit: "minute" }, { amount: 2, unit: "day" }),
}, { requiredKeys: ["content"] })

const plainTypes = ["item_close", "item_uncomplete", "item_delete"]
const sectionTypes = ["add", "add", "update", "move", "archive", "unarchive", "delete"].map((verb) => `section_${verb}`)
const labelTypes = ["add", "update", "delete"].map((verb) => `label_${verb}`)
const projectTypes = ["project_archive", "project_unarchive", "project_delete"]

export const draft: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("add"), parent: maybe, project: maybe, args: taskFields }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("task"),
      type: fc.constantFrom(...plainTypes),
      task: which,
      args: fc.constant({}),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("task"),
      type: fc.constant("item_update"),
      task: which,
      args: taskFields,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("task"),
      type: fc.constantFrom("item_complete", "item_update_date_complete"),
      task: which,
      args: fc.constant({ completedAt: "2026-10-01T12:00:00Z", isForward: true, due: { date: "2030-03-04" } }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("move"), task: which, project: maybe, parent: which }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("addProject"), parent: maybe, args: fc.constant({ name: "Garden" }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("project"),
      type: fc.constantFrom(...projectTypes, "project_update"),
      project: which,
      args: fc.constantFrom({}, { name: "Attic", isFavorite: true }, { color: "red", viewStyle: "board" }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("section"),
      type: fc.constantFrom(...sectionTypes),
      at: which,
      project: which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("intoSection"), task: which, section: which }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("label"),
      type: fc.constantFrom(...labelTypes),
      at: which,
      project: which,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("nonsense"),
      type: fc.constantFrom("item_update", "item_close", "item_add", "item_fly"),
      args: fc.constantFrom({}, { id: "6X7rM8997g3RQmvh" }, { id: "00000000-0000-4000-8000-000000000000" }, {
        content: "  ",
      }, { priority: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("again"), earlier: which }) },
) as fc.Arbitrary<Draft>

const pick = (all: ReadonlyArray<string>, at: number | null): string | undefined =>
  at === null ? undefined : all[at % all.length]

/** The command itself. Wherever the client knows nothing to choose from, an id nobody has. */
export const commandOf = (draft: Draft, { tasks, projects, sections, labels, sent }: Known): SyncCommand => {
  const command = (type: string, args: Args, tempId?: string): SyncCommand => ({
    type,
    uuid: randomUUID(),
    args,
    ...(tempId === undefined ? {} : { tempId }),
  })
  const nobody = "6X7rM8997g3RQmvh"
  switch (draft.kind) {
    case "add": {
      const [parentId, projectId] = [pick(tasks, draft.parent), pick(projects, draft.project)]
      const place = parentId === undefined ? projectId === undefined ? {} : { projectId } : { parentId }
      return command("item_add", { ...draft.args, ...place }, randomUUID())
    }
    case "task":
      return command(draft.type, { ...draft.args, id: pick(tasks, draft.task) ?? nobody })
    case "move": {
      const projectId = pick(projects, draft.project)
      const place = projectId === undefined ? { parentId: pick(tasks, draft.parent) ?? nobody } : { projectId }
      return command("item_move", { ...place, id: pick(tasks, draft.task) ?? nobody })
    }
    case "addProject":
      return command("project_add", { ...draft.args, parentId: pick(projects, draft.parent) ?? null }, randomUUID())
    case "project":
      return command(draft.type, { ...draft.args, id: pick(projects, draft.project) ?? nobody })
    case "section": {
      const args = { projectId: pick(projects, draft.project) ?? nobody, name: `Section ${draft.at % 5}` }
      if (draft.type === "section_add") return command(draft.type, args, randomUUID())
      return command(draft.type, { ...args, id: pick(sections, draft.at) ?? nobody })
    }
    case "intoSection":
      return command("item_move", {
        id: pick(tasks, draft.task) ?? nobody,
        sectionId: pick(sections, draft.section) ?? nobody,
      })
    case "label": {
      const args = { name: `label-${draft.project % 5}` }
      if (draft.type === "label_add") return command(draft.type, args, randomUUID())
      return command(draft.type, { ...args, id: pick(labels, draft.at) ?? nobody })
    }
    case "nonsense":
      return command(draft.type, draft.args)
    case "again":
      return sent.length === 0 ? command("item_close", { id: nobody }) : sent[draft.earlier % sent.length]!
  }
}
