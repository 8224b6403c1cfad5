/**
 * The one request the connector makes: `POST /api/v1/sync`, writes and reads in a single round trip. Pure.
 *
 * A read always names the sync token and the resource types together. Todoist answers a call without a token with
 * `full_sync: true` and no arrays, which looks like an empty account.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Sync
 */
import { type Act, actsMax } from "../Connector.ts"

/** The token that asks for everything. */
export const everything = "*"

const resourceTypes = JSON.stringify(["items", "projects", "user"])

export interface WireRequest {
  readonly path: string
  readonly contentType: string
  readonly body: string
}

/** `item_close` is what Todoist's own clients send: it moves a recurring task on; `item_complete` would end it. */
const toCommand = (act: Act) => ({ type: "item_close", uuid: act.actId, args: { id: act.taskId } })

/** Throws `RangeError` on more than `actsMax` acts: Todoist would refuse them all. */
export const syncRequest = (syncToken: string, acts: ReadonlyArray<Act>): WireRequest => {
  if (acts.length > actsMax) throw new RangeError(`${acts.length} acts in one call, at most ${actsMax} are taken`)
  const form = new URLSearchParams({ sync_token: syncToken, resource_types: resourceTypes })
  if (acts.length > 0) form.set("commands", JSON.stringify(acts.map(toCommand)))
  return { path: "/api/v1/sync", contentType: "application/x-www-form-urlencoded", body: form.toString() }
}
