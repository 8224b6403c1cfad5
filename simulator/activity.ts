/** The activity log of an account, as `GET /activities` shows it. Bounded; the live service keeps more. */
import type { Account } from "./account.ts"
import type { AccountEvent } from "./accountEvent.ts"
import { nextInt } from "./random.ts"
import { dayMs, wireTime } from "./calendar.ts"
import type { Switches } from "./switches.ts"
import type { Activity } from "./wire.ts"

/** More than the 100 a page holds, and little beside an account's items. */
const activityMax = 500

const activityOf = (account: Account, { name, object, intent, initiatorId, atMs }: AccountEvent): Activity => {
  const [objectType = "", verb = ""] = name.split(":")
  const title = "content" in object ? { content: object.content } : { name: object.name }
  return {
    id: String(nextInt(account.random, 1_000_000_000, 9_999_999_999)),
    object_type: objectType,
    object_id: object.id,
    // The log calls a done occurrence completed, where the webhook calls it updated.
    event_type: intent === "item_completed" ? "completed" : verb,
    event_date: wireTime(atMs),
    parent_project_id: "project_id" in object ? object.project_id : null,
    parent_item_id: objectType === "item" && "parent_id" in object ? object.parent_id : null,
    initiator_id: initiatorId === account.userId ? null : initiatorId,
    extra_data: { ...title, client: "simulator" },
  }
}

export const recordActivity = (account: Account, events: ReadonlyArray<AccountEvent>): void => {
  for (const event of events) {
    if (!/^(item|project|section):/.test(event.name)) continue
    account.activity.push(activityOf(account, event))
  }
  if (account.activity.length > activityMax) account.activity.splice(0, account.activity.length - activityMax)
}

const historyMs = 7 * dayMs

/** `item:completed`, `item:`, `:completed`: every part that is there must hold. */
const filterOf = (pattern: string) => (entry: Activity): boolean => {
  const [objectType = "", verb = ""] = pattern.split(":")
  return (objectType === "" || objectType === entry.object_type) && (verb === "" || verb === entry.event_type)
}

/** Newest first. */
export const readActivity = (
  account: Account,
  query: URLSearchParams,
  history: Switches["activityHistory"],
  nowMs: number,
): Array<Activity> => {
  const listed = [...query.getAll("object_event_types"), ...query.getAll("object_event_types[]")]
  const filters = listed.flatMap((text) => text.replace(/[[\]"\s]/g, "").split(",")).filter((text) => text !== "")
    .map(filterOf)
  const since = history === "all" ? "" : wireTime(nowMs - historyMs)
  const [from, to] = [query.get("date_from") ?? "", query.get("date_to")]
  const [objectId, projectId] = [query.get("object_id"), query.get("parent_project_id")]
  return account.activity.filter((entry) =>
    entry.event_date >= since && entry.event_date >= from && (to === null || entry.event_date < to) &&
    (objectId === null || entry.object_id === objectId) &&
    (projectId === null || entry.parent_project_id === projectId) &&
    (filters.length === 0 || filters.some((holds) => holds(entry)))
  ).toReversed()
}
