/** The REST calls that only list: sections, labels, the activity log; and the user. */
import { readActivity } from "../activity.ts"
import type { Route } from "../api.ts"
import { premiumOnly } from "../apiError.ts"
import { json } from "../reply.ts"
import { userResource } from "../user.ts"
import { paged } from "./paging.ts"
import { reading } from "./weight.ts"

const getSections: Route["handle"] = ({ account, query }) => {
  const projectId = query.get("project_id")
  const sections = [...account.sections.values()].map(({ value }) => value)
    .filter((one) => !one.is_deleted && !one.is_archived && (projectId === null || one.project_id === projectId))
  return paged(sections, query)
}

/** REST calls a label's place `order`, sync `item_order`. */
const getLabels: Route["handle"] = ({ account, query }) => {
  const living = [...account.labels.values()].map(({ value }) => value).filter((label) => !label.is_deleted)
  return paged(
    living.map(({ id, name, color, item_order: order, is_favorite }) => ({ id, name, color, order, is_favorite })),
    query,
  )
}

const activityPages = { byDefault: 50, max: 100 }

const getActivities: Route["handle"] = ({ world, account, query, nowMs }) => {
  const history = world.switches.activityHistory
  if (history === "refused") return premiumOnly()
  return paged(readActivity(account, query, history, nowMs), query, "results", activityPages)
}

const getUser: Route["handle"] = ({ account, nowMs }) => ({ reply: json(200, userResource(account, nowMs)) })

export const listRoutes: ReadonlyArray<Route> = [
  { method: "GET", path: /^\/api\/v1\/sections$/, weigh: reading, handle: getSections },
  { method: "GET", path: /^\/api\/v1\/labels$/, weigh: reading, handle: getLabels },
  { method: "GET", path: /^\/api\/v1\/activities$/, weigh: reading, handle: getActivities },
  { method: "GET", path: /^\/api\/v1\/user$/, weigh: reading, handle: getUser },
]
