/** `GET /tasks/completed/…`: finished tasks within a range, which a full sync no longer shows. */
import type { ApiCall } from "../api.ts"
import { type ApiError, argumentMissing, invalidArgument } from "../apiError.ts"
import { dayMs } from "../calendar.ts"
import { instantOf } from "../calendar.ts"
import { localParts } from "../due.ts"
import { paged } from "./paging.ts"
import { shownItem } from "../sync.ts"
import type { Item } from "../wire.ts"

/** Documented: three months by completion, six weeks by due date. */
const rangeMaxMs = { completion: 93 * dayMs, due: 42 * dayMs }

const instant = (query: URLSearchParams, key: string): number | ApiError => {
  const text = query.get(key)
  if (text === null) return argumentMissing(key)
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? invalidArgument(key, "an RFC 3339 instant") : atMs
}

const whenOf = (by: "completion" | "due", item: Item, zone: string): number => {
  if (by === "completion") return Date.parse(item.completed_at ?? "")
  if (item.due === null) return Number.NaN
  const { day, time } = localParts(item.due, zone)
  return instantOf(`${day}T${time ?? "00:00:00"}`, item.due.timezone ?? zone)
}

export const completedBy = (by: "completion" | "due") => ({ world, account, query }: ApiCall) => {
  const [since, until] = [instant(query, "since"), instant(query, "until")]
  if (typeof since !== "number") return since
  if (typeof until !== "number") return until
  if (until < since || until - since > rangeMaxMs[by]) {
    return invalidArgument("until", `at most ${rangeMaxMs[by] / dayMs} days after since`)
  }
  const [projectId, sectionId, parentId] = ["project_id", "section_id", "parent_id"].map((key) => query.get(key))
  const found = [...account.items.values()].map(({ value }) => value)
    .filter((item) =>
      item.checked && !item.is_deleted && (projectId === null || item.project_id === projectId) &&
      (sectionId === null || item.section_id === sectionId) && (parentId === null || item.parent_id === parentId)
    )
    .map((item) => ({ item, atMs: whenOf(by, item, account.timeZone) }))
    .filter(({ atMs }) => atMs >= since && atMs < until)
    .sort((a, b) => b.atMs - a.atMs)
  return paged(found.map(({ item }) => shownItem(item, world.switches)), query, "items")
}
