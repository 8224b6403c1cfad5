/** Carries out a REST call that changes something, as the command it comes to. */
import type { ApiCall } from "../api.ts"
import { type ApiError, isApiError } from "../apiError.ts"
import { wireTime } from "../calendar.ts"
import type { Args, Decision } from "../command.ts"
import { execute, record } from "../runCommands.ts"

/** REST calls carry no command uuid, so a repeated one is executed again: for a recurring task, once per call. */
export const perform = (call: ApiCall, type: string, args: Args): Decision | ApiError => {
  const decided = execute(call.account, type, args, call.nowMs, call.world.env)
  if (isApiError(decided)) return decided
  record(call.account, {
    uuid: null,
    type,
    taskId: decided.subject,
    at: wireTime(call.nowMs),
    status: "ok",
    executed: 1,
    received: 1,
  })
  return decided
}
