/** A webhook on the wire: its body, and the signature over exactly those bytes. */
import { createHmac } from "node:crypto"
import type { Account } from "../account.ts"
import type { AccountEvent } from "../accountEvent.ts"
import { wireTime } from "../calendar.ts"

/** `X-Todoist-Hmac-SHA256`: base64 of HMAC-SHA256 of the raw body, keyed with the client's secret. */
export const signatureOf = (secret: string, body: string): string =>
  createHmac("sha256", secret).update(body).digest("base64")

const initiatorOf = (account: Account, id: string) => {
  const person = account.collaborators.get(id)?.value
  return {
    id,
    email: person?.email ?? account.email,
    full_name: person?.full_name ?? account.fullName,
    image_id: person?.image_id ?? null,
    is_premium: false,
  }
}

/** The old item and the intent come only with what the user did themselves. */
export const messageOf = (account: Account, event: AccountEvent) => ({
  event_name: event.name,
  user_id: account.userId,
  event_data: "content" in event.object
    ? { ...event.object, url: `https://app.todoist.com/app/task/${event.object.id}` }
    : event.object,
  initiator: initiatorOf(account, event.initiatorId),
  triggered_at: wireTime(event.atMs),
  version: "1",
  ...(event.before === undefined || event.initiatorId !== account.userId
    ? {}
    : { event_data_extra: { old_item: event.before, update_intent: event.intent } }),
})

export type Message = ReturnType<typeof messageOf>
