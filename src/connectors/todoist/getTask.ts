/** One task by its id. Todoist documents it for active tasks only, and may or may not know completed ones. */
import { Effect } from "effect"
import type { ConnectorError } from "../Connector.ts"
import type { Credential } from "../Credential.ts"
import { isHtml, isSuccess, parseJson, type RawReply, refusalOf, unavailable } from "./refusal.ts"
import { decodeItem, type Item } from "./taskMapping.ts"
import type { TodoistApi } from "./TodoistApi.ts"

/**
 * `absent`: there is none of this id among those Todoist would show here. `hidden`: it is not the user's to see any
 * more.
 */
export type FoundTask = Item | "unreadable" | "absent" | "hidden"

export const getTask = (
  api: TodoistApi,
  credential: Credential,
  id: string,
): Effect.Effect<FoundTask, ConnectorError> =>
  api.call(credential, { path: `/api/v1/tasks/${encodeURIComponent(id)}` }, readTask)

const readTask = (raw: RawReply): Effect.Effect<FoundTask, ConnectorError> => {
  if (isHtml(raw)) return Effect.fail(isSuccess(raw) ? unavailable(raw, "html") : refusalOf(raw, "resource"))
  if (!isSuccess(raw)) {
    const error = refusalOf(raw, "resource")
    const status = error._tag === "ProviderRefused" ? error.status : undefined
    if (status === 404 || status === 410) return Effect.succeed("absent")
    return status === 403 ? Effect.succeed("hidden") : Effect.fail(error)
  }
  const json = parseJson(raw.text)
  return json === undefined
    ? Effect.fail(unavailable(raw, "malformed"))
    : Effect.succeed(decodeItem(json) ?? "unreadable")
}
