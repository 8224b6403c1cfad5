import { Redacted, Result } from "effect"
import fc from "fast-check"
import { createHmac } from "node:crypto"
import { describe, expect, it } from "vitest"
import { readWebhook } from "./webhook.ts"

const secret = "the client secret"
const nowMs = Date.parse("2026-11-20T10:00:00Z")

const completed = {
  event_name: "item:completed",
  user_id: "40112233",
  event_data: { id: "6X7rM8997g3RQmv1", content: "Call the bank", checked: true },
  initiator: { id: "40112233", email: "ada@example.com", full_name: "Ada Lovelace" },
  triggered_at: "2026-11-20T09:59:58.123456Z",
  version: "10",
}

const bytes = (body: unknown) => new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body))

const signatureOf = (body: Uint8Array, key = secret) => createHmac("sha256", key).update(body).digest("base64")

const reading = (body: Uint8Array, headers: Readonly<Record<string, string>>, given = secret) =>
  Result.merge(readWebhook(Redacted.make(given), headers, body, nowMs))

const read = (body: unknown) => {
  const raw = bytes(body)
  return reading(raw, { "x-todoist-hmac-sha256": signatureOf(raw), "x-todoist-delivery-id": "d1" })
}

const refused = (reason: string) => ({ _tag: "WebhookRefused", reason })

describe("webhook", () => {
  it("edge case 29 - a webhook of a user's completion names the account, the task and nothing else", () => {
    expect(read(completed)).toEqual({
      deliveryId: expect.stringMatching(/^[\w-]{43}$/),
      accountId: "40112233",
      completedTaskIds: ["6X7rM8997g3RQmv1"],
    })
  })

  it("edge case 9 - a recurring completion shows as an update whose intent says so", () => {
    const updated = { ...completed, event_name: "item:updated" }
    expect(read(updated)).toMatchObject({ completedTaskIds: [] })
    const intent = (update_intent: unknown) => ({ ...updated, event_data_extra: { update_intent, old_item: {} } })
    expect(read(intent("item_completed"))).toMatchObject({ completedTaskIds: ["6X7rM8997g3RQmv1"] })
    expect(read(intent("item_updated"))).toMatchObject({ completedTaskIds: [] })
    expect(read(intent(7))).toMatchObject({ completedTaskIds: [] })
  })

  it("edge case 14 - what somebody else completed in a shared project is not the user's doing", () => {
    expect(read({ ...completed, initiator: { id: "55667788" } })).toMatchObject({ completedTaskIds: [] })
    expect(read({ ...completed, initiator: null })).toMatchObject({ completedTaskIds: ["6X7rM8997g3RQmv1"] })
  })

  it("edge case 29 - an event nobody knows, without data, is a hint to read all the same", () => {
    const { event_data: _, initiator: _1, ...bare } = completed
    expect(read({ ...bare, event_name: "moon:full" })).toMatchObject({ accountId: "40112233", completedTaskIds: [] })
    expect(read({ ...bare, user_id: 40112233 })).toMatchObject({ accountId: "40112233", completedTaskIds: [] })
    expect(read({ ...completed, event_data: { id: "a b\n" } })).toMatchObject({ completedTaskIds: [] })
  })

  it("edge case 29 - without the signature of the very bytes it is refused", () => {
    const raw = bytes(completed)
    const signed = (signature: string) => ({ "x-todoist-hmac-sha256": signature })
    expect(reading(raw, {})).toMatchObject(refused("unsigned"))
    expect(reading(raw, signed(""))).toMatchObject(refused("unsigned"))
    expect(reading(raw, signed(signatureOf(raw, "another secret")))).toMatchObject(refused("forged"))
    expect(reading(raw, signed(signatureOf(raw).slice(0, -6)))).toMatchObject(refused("forged"))
    expect(reading(raw, signed("not base64 ☃"))).toMatchObject(refused("forged"))
    expect(reading(bytes(`${JSON.stringify(completed)} `), signed(signatureOf(raw)))).toMatchObject(refused("forged"))
  })

  it("edge case 29 - without an app there is no secret, and every webhook is refused", () => {
    const raw = bytes(completed)
    const headers = { "x-todoist-hmac-sha256": signatureOf(raw) }
    expect(Result.merge(readWebhook(undefined, headers, raw, nowMs))).toMatchObject(refused("not-set-up"))
    const signedByAnybody = { "x-todoist-hmac-sha256": signatureOf(raw, "") }
    expect(reading(raw, signedByAnybody, "")).toMatchObject(refused("not-set-up"))
  })

  it("edge case 29 - the last of Todoist's retries is in time, an older one is not, nor one from the future", () => {
    const at = (offsetMs: number) => read({ ...completed, triggered_at: new Date(nowMs + offsetMs).toISOString() })
    expect(at(-46 * 60_000)).toMatchObject({ accountId: "40112233" })
    expect(at(-60 * 60_000)).toMatchObject({ accountId: "40112233" })
    expect(at(-60 * 60_000 - 1)).toMatchObject(refused("stale"))
    expect(at(5 * 60_000)).toMatchObject({ accountId: "40112233" })
    expect(at(5 * 60_000 + 1)).toMatchObject(refused("stale"))
  })

  it("edge case 29 - sent again it has the same id, under whatever header, and another webhook has another", () => {
    const idOf = (body: unknown, deliveryId: string) => {
      const raw = bytes(body)
      const notice = reading(raw, {
        "x-todoist-hmac-sha256": signatureOf(raw),
        "x-todoist-delivery-id": deliveryId,
      })
      return "deliveryId" in notice ? notice.deliveryId : undefined
    }
    expect(idOf(completed, "d1")).toBe(idOf(completed, "d2"))
    expect(idOf(completed, "d1")).not.toBe(idOf({ ...completed, triggered_at: "2026-11-20T09:59:58.123457Z" }, "d1"))
  })

  it("webhook - rightly signed but without user, time or JSON it is unreadable, and so is a huge one", () => {
    const { user_id: _, ...nobody } = completed
    const { triggered_at: _1, ...timeless } = completed
    for (const body of [nobody, timeless, { ...completed, triggered_at: "yesterday" }, "{", "[]", ""]) {
      expect(read(body)).toMatchObject(refused("unreadable"))
    }
    expect(read({ ...completed, padding: "x".repeat(1024 * 1024) })).toMatchObject(refused("unreadable"))
  })

  it("webhook - no bytes make it throw, and no refusal tells what was in it", () => {
    fc.assert(fc.property(fc.uint8Array(), fc.string(), (body, signature) => {
      const forged = reading(body, { "x-todoist-hmac-sha256": signature })
      const signed = reading(body, { "x-todoist-hmac-sha256": signatureOf(body) })
      expect([forged, signed].every((one) => "_tag" in one)).toBe(true)
    }))
    const stale = read({ ...completed, triggered_at: "2020-01-01T00:00:00Z" })
    expect(JSON.stringify(stale)).not.toMatch(/Ada|ada@|bank/)
  })
})
