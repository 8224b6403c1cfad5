import { parseWebhookPayload, verifyWebhookSignature } from "@doist/todoist-sdk"
import { createServer, type Server } from "node:http"
import { afterEach, describe, expect, it } from "vitest"
import { runSimulator, type Simulator } from "../runSimulator.ts"

type Got = { readonly headers: Record<string, string | undefined>; readonly body: string }

const running: Array<Simulator> = []
const receivers: Array<Server> = []

/** An app's webhook endpoint that answers as told, 200 otherwise. */
const receive = async (statuses: ReadonlyArray<number> = []) => {
  const got: Array<Got> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => {
      response.writeHead(statuses[got.length] ?? 200).end()
      got.push({ headers: request.headers as Got["headers"], body: Buffer.concat(chunks).toString("utf8") })
    })
  })
  receivers.push(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  return { got, url: `http://127.0.0.1:${port}/hook`, count: (n: number) => expect.poll(() => got.length).toBe(n) }
}

const start = async (webhookUrl: string, more: object = {}) => {
  const simulator = await runSimulator({
    port: 0,
    timeZone: "UTC",
    switches: { webhookRetryMs: 1 },
    clients: [{ id: "app", secret: "s3cret", webhookUrl, ...more }],
  })
  running.push(simulator)
  const { url } = simulator
  const post = async (path: string, body: object) => {
    const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) })
    return await response.json() as Record<string, unknown>
  }
  const connect = async () => {
    const fields = { clientId: "app", scope: "data:read", redirectUri: "http://127.0.0.1:9/cb" }
    const { redirect } = await post("/_sim/oauth/approve", fields)
    const code = new URL(redirect as string).searchParams.get("code")
    await post("/oauth/access_token", { client_id: "app", client_secret: "s3cret", code })
  }
  const act = async (type: string, args: object, as?: string) =>
    (await post("/_sim/act", { type, args, ...(as === undefined ? {} : { as }) }))["subject"] as string
  const log = async () => await (await fetch(`${url}/_sim/webhooks`)).json() as Record<string, Array<object>>
  return { url, post, connect, act, log }
}

const read = (got: ReadonlyArray<Got>) => got.map(({ body }) => JSON.parse(body) as Record<string, object>)
const names = (got: ReadonlyArray<Got>) => read(got).map(({ event_name: name }) => name)

afterEach(async () => {
  for (const simulator of running.splice(0)) await simulator.close()
  for (const server of receivers.splice(0)) await new Promise((resolve) => server.close(resolve))
})

describe("simulator webhooks", () => {
  it("every change is told in the SDK's shapes, signed over the bytes, in order", async () => {
    const { got, url, count } = await receive()
    const { act, connect } = await start(url)
    await act("item_add", { content: "before the user connected the app" })
    await connect()
    const id = await act("item_add", { content: "Grüße 🌱" })
    await act("item_update", { id, priority: 4 })
    await act("item_close", { id })
    await act("item_uncomplete", { id })
    await act("item_delete", { id })
    const project = await act("project_add", { name: "P" })
    await act("project_archive", { id: project })
    await act("project_unarchive", { id: project })
    const section = await act("section_add", { name: "S", project_id: project })
    await act("section_archive", { id: section })
    await act("label_add", { name: "L" })
    await count(11)
    expect(names(got)).toEqual([
      "item:added",
      "item:updated",
      "item:completed",
      "item:uncompleted",
      "item:deleted",
      "project:added",
      "project:archived",
      "project:unarchived",
      "section:added",
      "section:archived",
      "label:added",
    ])
    for (const { headers, body } of got) {
      expect(parseWebhookPayload(JSON.parse(body)).version).toBe("1")
      const signature = headers["x-todoist-hmac-sha256"] ?? ""
      expect(await verifyWebhookSignature({ rawBody: body, signature, clientSecret: "s3cret" })).toBe(true)
    }
    expect(got[0]?.headers["user-agent"]).toBe("Todoist-Webhooks")
    expect(new Set(got.map(({ headers }) => headers["x-todoist-delivery-id"])).size).toBe(11)
  })

  it("edge case 9 - a recurring completion is an update whose intent says so; a reschedule is not", async () => {
    const { got, url, count } = await receive()
    const { act, connect } = await start(url)
    await connect()
    const id = await act("item_add", { content: "daily", due: { string: "every day" } })
    await act("item_close", { id })
    await act("item_update", { id, due: { string: "every day at 9" } })
    await count(3)
    expect(read(got).map(({ event_data_extra: extra }) => extra)).toMatchObject([
      undefined,
      { update_intent: "item_completed", old_item: { id, completed_count: 0 } },
      { update_intent: "item_updated", old_item: { id, completed_count: 1 } },
    ])
  })

  it("edge case 14 - what others do in a shared project names them as initiator, without the extra", async () => {
    const { got, url, count } = await receive()
    const { post, act, connect } = await start(url)
    const shared = await post("/_sim/share", {}) as { tasks: Array<string>; collaborators: Array<string> }
    await connect()
    await act("item_update", { id: shared.tasks[0], priority: 2 }, shared.collaborators[0])
    await count(1)
    expect(read(got)[0]).toMatchObject({ initiator: { id: shared.collaborators[0], full_name: "Sam Shared" } })
    expect(read(got)[0]).not.toHaveProperty("event_data_extra")
  })

  it("an answer other than 200 brings the same delivery again, up to three times", async () => {
    const { got, url, count } = await receive([500, 302, 404, 500])
    const { act, connect, log } = await start(url)
    await connect()
    await act("item_add", { content: "x" })
    await count(4)
    expect(new Set(got.map(({ headers, body }) => `${headers["x-todoist-delivery-id"]} ${body}`)).size).toBe(1)
    await expect.poll(async () => (await log())["deliveries"]).toMatchObject([
      { attempt: 1, status: 500 },
      { attempt: 2, status: 302 },
      { attempt: 3, status: 404 },
      { attempt: 4, status: 500 },
    ])
    expect((await log())["waiting"]).toBe(0)
  })

  it("an app gets only the events it asked for, and nothing once the user removed it", async () => {
    const { got, url, count } = await receive()
    const { act, post, connect, log } = await start(url, { events: ["item:completed"] })
    await connect()
    const id = await act("item_add", { content: "x" })
    await act("item_close", { id })
    await count(1)
    expect(names(got)).toEqual(["item:completed"])
    await post("/_sim/tokens/revoke", {})
    await act("item_close", { id: await act("item_add", { content: "y" }) })
    expect((await log())["deliveries"]).toHaveLength(1)
  })

  it("edge case 29 - faults: duplicate, loss, forged, replay, unknown user, and out of order", async () => {
    const { got, url, count } = await receive()
    const { act, post, connect, log } = await start(url)
    await connect()
    const faults = ["duplicate", "loss", "forged", "stale-replay", "unknown-user", "reorder"]
    await post("/_sim/webhooks/faults", { queue: faults.map((fault) => ({ fault })) })
    for (let at = 0; at < 7; at++) await act("item_add", { content: `task ${at}` })
    await count(8)
    const told = await Promise.all(got.map(async ({ headers, body }) => {
      const { event_data: { content }, user_id: userId } = JSON.parse(body) as {
        event_data: { content: string }
        user_id: string
      }
      const signature = headers["x-todoist-hmac-sha256"] ?? ""
      const genuine = await verifyWebhookSignature({ rawBody: body, signature, clientSecret: "s3cret" })
      return `${content} ${genuine ? "signed" : "forged"}${userId === "1" ? " of nobody" : ""}`
    }))
    expect(told).toEqual([
      "task 0 signed",
      "task 0 signed",
      "task 2 forged",
      "task 3 signed",
      "task 3 signed",
      "task 4 signed of nobody",
      "task 6 signed",
      "task 5 signed",
    ])
    const ids = got.map(({ headers }) => headers["x-todoist-delivery-id"])
    expect([ids[0] === ids[1], ids[3] === ids[4]]).toEqual([true, false])
    const ages = read(got).slice(3, 5).map(({ triggered_at: at }) => Date.parse(String(at)))
    expect(ages[0]! - ages[1]!).toBeGreaterThan(3_500_000)
    expect((await log())["counts"]).toMatchObject({ lost: 1, sent: 8, dropped: 0 })
  })

  it("a delivery can be sent again byte by byte", async () => {
    const { got, url, count } = await receive()
    const { act, post, connect } = await start(url)
    await connect()
    await act("item_add", { content: "x" })
    await count(1)
    await post("/_sim/webhooks/redeliver", { deliveryId: got[0]?.headers["x-todoist-delivery-id"] })
    await count(2)
    expect(got[1]?.body).toBe(got[0]?.body)
  })

  it("a receiver that is gone is only in the log; URLs elsewhere by http are refused", async () => {
    const { url } = await receive()
    const { act, post, connect, log } = await start(url.replace(/:\d+/, ":9"))
    await connect()
    await act("item_add", { content: "x" })
    await expect.poll(async () => (await log())["deliveries"]?.length).toBe(4)
    expect((await log())["deliveries"]?.[0]).toMatchObject({ status: null, problem: expect.any(String) })
    expect(await post("/_sim/clients", { id: "app", webhookUrl: "http://192.0.2.1/hook" })).toHaveProperty("error")
    expect(await post("/_sim/webhooks/faults", { fault: "nope" })).toHaveProperty("error")
  })
})
