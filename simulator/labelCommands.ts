/** Decisions of the `label_*` commands. Items carry the names of their labels, so a new name is written to them too. */
import type { Account, Change } from "./account.ts"
import { invalidArgument, isApiError, labelNotFound } from "./apiError.ts"
import { wireTime } from "./calendar.ts"
import { flag, type Handler, isTextUpTo, requiredText } from "./command.ts"
import type { Item, Label } from "./wire.ts"

const written = (value: Label): Change => ({ table: "labels", value })

const labelOf = (account: Account, id: unknown): Label | undefined => {
  const label = typeof id === "string" ? account.labels.get(id)?.value : undefined
  return label?.is_deleted === false ? label : undefined
}

const labelled = (account: Account, name: string, nowMs: number, labels: (item: Item) => Array<string>) => {
  const changes: Array<Change> = []
  for (const { value } of account.items.values()) {
    if (value.is_deleted || !value.labels.includes(name)) continue
    changes.push({ table: "items", value: { ...value, labels: labels(value), updated_at: wireTime(nowMs) } })
  }
  return changes
}

const colorOf = (color: unknown, fallback: string): string | undefined =>
  color === undefined ? fallback : isTextUpTo(32)(color) ? color as string : undefined

const add: Handler = (account, args, { newId }) => {
  const name = requiredText(args, "name")
  if (isApiError(name)) return name
  const color = colorOf(args["color"], "charcoal")
  if (color === undefined) return invalidArgument("color", "the name of a color")
  const id = newId()
  const label: Label = {
    id,
    name,
    color,
    item_order: account.labels.size + 1,
    is_favorite: flag(args["is_favorite"], false),
    is_deleted: false,
  }
  return { changes: [written(label)], subject: id, created: true }
}

const update: Handler = (account, args, { nowMs }) => {
  const label = labelOf(account, args["id"])
  if (label === undefined) return labelNotFound()
  const name = args["name"] === undefined ? label.name : requiredText(args, "name")
  if (isApiError(name)) return name
  const color = colorOf(args["color"], label.color)
  if (color === undefined) return invalidArgument("color", "the name of a color")
  const renamed = name === label.name ? [] : labelled(
    account,
    label.name,
    nowMs,
    ({ labels }) => labels.map((one) => (one === label.name ? name : one)),
  )
  const value = { ...label, name, color, is_favorite: flag(args["is_favorite"], label.is_favorite) }
  return { changes: [written(value), ...renamed], subject: label.id }
}

const remove: Handler = (account, args, { nowMs }) => {
  const label = labelOf(account, args["id"])
  if (label === undefined) return labelNotFound()
  const without = labelled(account, label.name, nowMs, ({ labels }) => labels.filter((one) => one !== label.name))
  return { changes: [written({ ...label, is_deleted: true }), ...without], subject: label.id }
}

export const labelHandlers: ReadonlyArray<readonly [type: string, handler: Handler]> = [
  ["label_add", add],
  ["label_update", update],
  ["label_delete", remove],
]
