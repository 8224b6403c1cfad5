/**
 * The bodies of `POST /api/v1/sync`: a read, or a write. Pure.
 *
 * A write asks for nothing to be read, so that no reply can be taken for what changed. A read always names the sync
 * token and the resource types together. Todoist answers a call without a token with `full_sync: true` and no arrays,
 * which looks like an empty account.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Sync
 */
import { type Act, actsMax } from "../Connector.ts"
import type { Form } from "./todoistHttp.ts"

/** The token that asks for everything. */
export const everything = "*"

const resourceTypes = JSON.stringify(["items", "projects", "user"])

/** `item_close` is what Todoist's own clients send: it moves a recurring task on; `item_complete` would end it. */
const toCommand = (act: Act) => ({ type: "item_close", uuid: act.actId, args: { id: act.taskId } })

export const readRequest = (syncToken: string): Form => ({ sync_token: syncToken, resource_types: resourceTypes })

/** Throws `RangeError` on more than `actsMax` acts: Todoist would refuse them all. */
export const actRequest = (acts: ReadonlyArray<Act>): Form => {
  if (acts.length > actsMax) throw new RangeError(`${acts.length} acts in one call, at most ${actsMax} are taken`)
  return { commands: JSON.stringify(acts.map(toCommand)) }
}
