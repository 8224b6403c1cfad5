/**
 * What the simulator sends to an app is what Todoist documents: the signature is computed here once more over the raw
 * bytes, with node:crypto and with the official SDK, whose schemas read every body.
 */
import {
  createCommand,
  parseWebhookPayload,
  type SyncCommand,
  TodoistApi,
  verifyWebhookSignature,
} from "@doist/todoist-sdk"
import { createHmac, randomUUID } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { eventually } from "../support/eventually.ts"
import { keysOf, type Kind, withoutKey } from "./dropKey.ts"
import { item, judged, type JudgedKeys } from "./judgedKeys.ts"
import { codeOf, type OAuthApp, registerApp } from "./oauthApp.ts"
import { type SimulatorProcess, startSimulator } from "./simulatorProcess.ts"
import { type Received, startReceiver, type WebhookReceiver } from "./webhookReceiver.ts"

let simulator: SimulatorProcess
let receiver: WebhookReceiver
let token: string
let api: TodoistApi
let app: OAuthApp

beforeAll(async () => {
  simulator = await startSimulator("--switch", "webhookRetryMs=50")
  receiver = await startReceiver()
})
beforeEach(async () => {
  token = await simulator.account()
  api = new TodoistApi(token, { baseUrl: simulator.url })
  app = await connect({})
  receiver.received.length = 0
})
afterEach(() => {
  receiver.statuses.length = 0
})
afterAll(async () => {
  await receiver?.close()
  await simulator?.stop()
})

/** An app that this test's user has connected. */
const connect = async (options: { readonly events?: ReadonlyArray<string> }): Promise<OAuthApp> => {
  const made = await registerApp(simulator, { ...options, webhookUrl: receiver.url })
  const code = await codeOf(simulator, made, { token })
  const body = new URLSearchParams({ client_id: made.clientId, client_secret: made.clientSecret, code })
  const answer = await fetch(`${simulator.url}/oauth/access_token`, { method: "POST", body })
  expect(answer.status).toBe(200)
  return made
}

const payloadOf = ({ raw }: Received) => parseWebhookPayload(JSON.parse(raw.toString()))
const deliveryId = ({ headers }: Received) => headers["x-todoist-delivery-id"]
const hmac = (secret: string, raw: Buffer) => createHmac("sha256", secret).update(raw).digest("base64")

const isSigned = async ({ headers, raw }: Received, { clientSecret }: OAuthApp): Promise<boolean> => {
  const signature = String(headers["x-todoist-hmac-sha256"])
  const bySdk = await verifyWebhookSignature({ rawBody: new Uint8Array(raw), signature, clientSecret })
  expect(bySdk).toBe(signature === hmac(clientSecret, raw))
  return bySdk
}

const fault = (script: object) =>
  simulator.control("POST", "/_sim/webhooks/faults", { ...script, clientId: app.clientId })

const run = async (...commands: ReadonlyArray<SyncCommand>) => {
  const { tempIdMapping = {} } = await api.sync({ commands: [...commands] })
  return tempIdMapping
}

const add = async (args: { readonly content: string; readonly due?: { readonly string: string } }) => {
  const tempId = randomUUID()
  return (await run(createCommand("item_add", args, tempId)))[tempId]!
}

describe("a webhook", () => {
  it("is a POST with Todoist's headers, signed over its raw bytes, with the body the SDK reads", async () => {
    const id = await add({ content: 'Über 🚀 the "moon"' })
    const [one] = await receiver.arrived(1)
    expect(one).toMatchObject({
      method: "POST",
      headers: {
        "user-agent": "Todoist-Webhooks",
        "content-type": expect.stringMatching(/^application\/json/),
        "x-todoist-delivery-id": expect.stringMatching(/\S{8,}/),
        "x-todoist-hmac-sha256": hmac(app.clientSecret, one!.raw),
      },
    })
    expect(await isSigned(one!, app)).toBe(true)
    expect(await isSigned({ ...one!, raw: Buffer.from(one!.raw.toString().replace("🚀", "🛸")) }, app)).toBe(false)
    const user = await api.getUser()
    expect(payloadOf(one!)).toMatchObject({
      eventName: "item:added",
      userId: user.id,
      version: "1",
      triggeredAt: expect.any(Date),
      initiator: { id: user.id, email: user.email, fullName: user.fullName, isPremium: false, imageId: null },
      eventData: await api.getTask(id),
    })
  })

  it("tells of each thing that happens to a task, with the old one and the intent where it was updated", async () => {
    const id = await add({ content: "Ring" })
    await run(createCommand("item_update", { id, content: "Ring twice" }))
    await run({ type: "item_close", uuid: randomUUID(), args: { id } })
    await run(createCommand("item_uncomplete", { id }))
    await run(createCommand("item_delete", { id }))
    const payloads = (await receiver.arrived(5)).map(payloadOf)
    expect(payloads.map(({ eventName }) => eventName)).toEqual([
      "item:added",
      "item:updated",
      "item:completed",
      "item:uncompleted",
      "item:deleted",
    ])
    expect(payloads.map((payload) => "eventDataExtra" in payload)).toEqual([false, true, false, false, false])
    expect(payloads[1]).toMatchObject({
      eventData: { id, content: "Ring twice" },
      eventDataExtra: { oldItem: { id, content: "Ring" }, updateIntent: "item_updated" },
    })
  })

  it("of a recurring task that was done is item:updated, with the intent and the moved date", async () => {
    const id = await add({ content: "Water", due: { string: "every day" } })
    await run({ type: "item_close", uuid: randomUUID(), args: { id } })
    const updated = payloadOf((await receiver.arrived(2))[1]!)
    expect(updated).toMatchObject({
      eventName: "item:updated",
      eventData: { id, checked: false },
      eventDataExtra: { oldItem: { id, checked: false }, updateIntent: "item_completed" },
    })
    if (updated.eventName !== "item:updated") throw new Error("unreachable")
    expect(updated.eventData.due!.date > updated.eventDataExtra!.oldItem.due!.date).toBe(true)
  })

  it("tells of projects, sections and labels in bodies the SDK reads", async () => {
    const [project, section, label] = [randomUUID(), randomUUID(), randomUUID()]
    const ids = await run(
      createCommand("project_add", { name: "Garden" }, project),
      createCommand("section_add", { name: "Soon", projectId: project }, section),
      createCommand("label_add", { name: "rain" }, label),
    )
    await run(
      createCommand("project_update", { id: ids[project]!, name: "Yard" }),
      createCommand("project_archive", { id: ids[project]! }),
      createCommand("project_unarchive", { id: ids[project]! }),
      createCommand("label_delete", { id: ids[label]! }),
      createCommand("section_delete", { id: ids[section]! }),
      createCommand("project_delete", { id: ids[project]! }),
    )
    const names = (await receiver.arrived(9)).map((one) => payloadOf(one).eventName)
    expect(names).toEqual([
      "project:added",
      "section:added",
      "label:added",
      "project:updated",
      "project:archived",
      "project:unarchived",
      "label:deleted",
      "section:deleted",
      "project:deleted",
    ])
  })

  it("of somebody else's edit in a shared project names them, without an extra", async () => {
    const shared = await simulator.control<{ collaborators: ReadonlyArray<string>; tasks: ReadonlyArray<string> }>(
      "POST",
      "/_sim/share",
      { token },
    )
    const [as, id] = [shared.collaborators[0]!, shared.tasks[0]!]
    receiver.received.length = 0
    await simulator.control("POST", "/_sim/act", { token, type: "item_update", args: { id, content: "Theirs" }, as })
    const [one] = await receiver.arrived(1)
    const payload = payloadOf(one!)
    expect(payload).toMatchObject({ eventName: "item:updated", initiator: { id: as }, eventData: { id } })
    expect(payload).not.toHaveProperty("eventDataExtra")
    expect(payload.userId).not.toBe(as)
  })

  it("comes only of events the app asked for, and only while the user is connected", async () => {
    const picky = await connect({ events: ["item:completed"] })
    const id = await add({ content: "Ring" })
    await api.closeTask(id)
    const all = await receiver.arrived(3)
    const signedByPicky = await Promise.all(all.map((one) => isSigned(one, picky)))
    expect(all.filter((_, at) => signedByPicky[at]).map((one) => payloadOf(one).eventName)).toEqual(["item:completed"])
    await simulator.control("POST", "/_sim/tokens/revoke", { token, clientId: app.clientId })
    receiver.received.length = 0
    await api.reopenTask(id)
    await api.closeTask(id)
    const [one] = await receiver.arrived(1)
    expect(await isSigned(one!, picky)).toBe(true)
  })
})

describe("a key taken away from a webhook", () => {
  const expected: Partial<Record<Kind, JudgedKeys>> = {
    envelope: judged("event_name user_id event_data initiator triggered_at version", "event_data_extra"),
    initiator: judged("id email full_name image_id is_premium"),
    item: { ...item, nobody: [...item.nobody, "url"] },
    // The SDK takes an update without an intent for `item_updated`.
    event_data_extra: judged("old_item", "update_intent"),
  }

  const whoMisses = (kind: Kind, key: string, body: string): keyof JudgedKeys => {
    try {
      const spoiled = parseWebhookPayload(JSON.parse(withoutKey(kind, key, body)))
      return isDeepStrictEqual(spoiled, parseWebhookPayload(JSON.parse(body))) ? "nobody" : "ours"
    } catch {
      return "sdk"
    }
  }

  it("is missed by the SDK, or changes what it reads", async () => {
    const id = await add({ content: "Water", due: { string: "every day" } })
    await run({ type: "item_close", uuid: randomUUID(), args: { id } })
    const body = (await receiver.arrived(2))[1]!.raw.toString()
    const found = Object.keys(expected).map((name) => {
      const kind = name as Kind
      const by = Map.groupBy(keysOf(kind, body), (key) => whoMisses(kind, key, body))
      const keys = (who: keyof JudgedKeys) => (by.get(who) ?? []).sort()
      return [kind, { sdk: keys("sdk"), ours: keys("ours"), nobody: keys("nobody") }] as const
    })
    expect(Object.fromEntries(found)).toEqual(expected)
  })
})

describe("delivery", () => {
  it("that was not answered with 200 is repeated up to three times, the same bytes under the same id", async () => {
    receiver.statuses.push(500, 204, 301, 500)
    await add({ content: "Ring" })
    const all = await receiver.arrived(4)
    expect(new Set(all.map(deliveryId)).size).toBe(1)
    expect(new Set(all.map(({ raw }) => raw.toString())).size).toBe(1)
    // The log is what tells that no fifth is waiting.
    await eventually("nothing waits any more", async () => {
      const { waiting } = await simulator.control<{ waiting: number }>("GET", "/_sim/webhooks")
      return waiting === 0 ? true : undefined
    })
    expect(receiver.received.length).toBe(4)
  })

  it("answered with 200 at the second try ends there", async () => {
    receiver.statuses.push(500)
    await add({ content: "Ring" })
    await receiver.arrived(2)
    const id = await add({ content: "Next" })
    const [first, second, next] = await receiver.arrived(3)
    expect(deliveryId(second!)).toBe(deliveryId(first!))
    expect(payloadOf(next!)).toMatchObject({ eventData: { id } })
  })

  it("again on request is the same bytes, id and signature", async () => {
    await add({ content: "Ring" })
    const [first] = await receiver.arrived(1)
    await eventually("the delivery is in the log", async () => {
      const { deliveries } = await simulator.control<{ deliveries: ReadonlyArray<{ deliveryId: string }> }>(
        "GET",
        "/_sim/webhooks",
      )
      return deliveries.some((one) => one.deliveryId === deliveryId(first!)) ? true : undefined
    })
    await simulator.control("POST", "/_sim/webhooks/redeliver", { deliveryId: deliveryId(first!) })
    const [, second] = await receiver.arrived(2)
    expect([deliveryId(second!), second!.headers["x-todoist-hmac-sha256"], second!.raw]).toEqual([
      deliveryId(first!),
      first!.headers["x-todoist-hmac-sha256"],
      first!.raw,
    ])
  })

  it("twice by a fault has one id; forged is not signed with the app's secret; lost never comes", async () => {
    await fault({ fault: "duplicate" })
    await add({ content: "Twice" })
    const twice = await receiver.arrived(2)
    expect(new Set(twice.map(deliveryId)).size).toBe(1)
    receiver.received.length = 0
    await fault({ fault: "forged" })
    await add({ content: "Forged" })
    const [forged] = await receiver.arrived(1)
    expect(await isSigned(forged!, app)).toBe(false)
    receiver.received.length = 0
    await fault({ fault: "loss" })
    await add({ content: "Lost" })
    const after = await add({ content: "After" })
    expect((await receiver.arrived(1)).map(payloadOf)).toMatchObject([{ eventData: { id: after } }])
  })

  it("out of order by a fault lets the next one pass", async () => {
    await fault({ fault: "reorder" })
    const first = await add({ content: "First" })
    const second = await add({ content: "Second" })
    expect((await receiver.arrived(2)).map(payloadOf)).toMatchObject([
      { eventData: { id: second } },
      { eventData: { id: first } },
    ])
  })

  it("replayed later has a new id and an old time, rightly signed", async () => {
    await fault({ fault: "stale-replay", staleMs: 3_600_000 })
    await add({ content: "Kept" })
    const [fresh, stale] = await receiver.arrived(2)
    expect(deliveryId(stale!)).not.toBe(deliveryId(fresh!))
    expect(await isSigned(stale!, app)).toBe(true)
    const [at, before] = [payloadOf(fresh!), payloadOf(stale!)].map(({ triggeredAt }) => triggeredAt.getTime())
    expect(at! - before!).toBeGreaterThanOrEqual(3_599_000)
  })
})
