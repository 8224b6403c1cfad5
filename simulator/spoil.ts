/** What each fault does to a reply. */
import {
  insufficientScope,
  internalError,
  invalidToken,
  limitsReached,
  stamped,
  unauthorized,
  unavailable,
} from "./apiError.ts"
import type { Fault, OddShape } from "./faults.ts"
import { failure, type Reply, text } from "./reply.ts"
import type { SyncBody } from "./sync.ts"

/** The reply given instead of carrying the call out; undefined for faults that let it happen. */
export const replyInstead = (fault: Fault, eventId: string): Reply | undefined => {
  const refused = (error: Parameters<typeof stamped>[0]) => failure(stamped(error, eventId))
  switch (fault.fault) {
    case "401":
      return refused(unauthorized())
    case "403-invalid-token":
      return refused(invalidToken())
    case "403-scope":
      return refused(insufficientScope())
    case "429":
      return refused(limitsReached(fault.retryAfterSeconds))
    case "429-body-only": {
      const { status, headers, body } = refused(limitsReached(fault.retryAfterSeconds))
      return { status, headers: { "content-type": headers["content-type"] ?? "" }, body }
    }
    case "500":
      return refused(internalError())
    case "502-html":
      return {
        status: 502,
        headers: { "content-type": "text/html" },
        body: "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
      }
    case "503":
      return refused(unavailable())
    case "410-text":
      return text(410, "This is a planned unavailability of this API version.")
    case "reset-before-commit":
      return { status: 0, headers: {}, body: "", reset: true }
    default:
      return undefined
  }
}

/** Spoils the reply to a call that was carried out. */
export const spoilReply = (fault: Fault, reply: Reply): Reply => {
  if (fault.fault === "slow") return { ...reply, delayMs: fault.delayMs }
  if (fault.fault === "reset-after-commit") return { ...reply, reset: true }
  if (fault.fault === "truncated-json") {
    return { ...reply, body: reply.body.slice(0, Math.max(1, Math.floor(reply.body.length / 2))) }
  }
  return reply
}

/** The reply with its first item in a shape no client was promised. */
export const withOddItem = (body: SyncBody, shape: OddShape): SyncBody => {
  const [first, ...rest] = body.items ?? []
  if (first === undefined) return body
  const { content, ...others } = first
  const odd: unknown = {
    "unknown-unit": { ...first, duration: { amount: 1, unit: "hour" } },
    "missing-content": others,
    "due-date-number": { ...first, content, due: { date: 20261120, string: "?", lang: "en", is_recurring: false } },
  }[shape]
  return { ...body, items: [odd, ...rest] as NonNullable<SyncBody["items"]> }
}
