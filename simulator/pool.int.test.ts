import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { runSimulator, type Simulator } from "./runSimulator.ts"
import type { Item } from "./wire.ts"

type Body = {
  readonly sync_token: string
  readonly full_sync: boolean
  readonly items: ReadonlyArray<Item>
  readonly user: { readonly id: string }
}

let simulator: Simulator
beforeEach(async () => {
  simulator = await runSimulator({ port: 0, timeZone: "UTC" })
})
afterEach(() => simulator.close())

const post = async (path: string, body: object, token = "") => {
  const response = await fetch(`${simulator.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() as Record<string, object> }
}

const sync = async (token: string, syncToken = "*") =>
  (await post("/api/v1/sync", { sync_token: syncToken, resource_types: ["items", "user"] }, token))
    .body as unknown as Body

const health = async () =>
  await (await fetch(`${simulator.url}/_sim/health`)).json() as { pools: ReadonlyArray<Record<string, number>> }

describe("pools of accounts", () => {
  it("a hundred thousand accounts cost nothing until they are touched", async () => {
    const made = await post("/_sim/accounts", { count: 100_000, itemsPerAccount: 3, tokenPrefix: "load-" })
    expect(made).toMatchObject({ status: 201, body: { first: { token: "load-0" }, last: { token: "load-99999" } } })
    expect((await health()).pools).toMatchObject([{ count: 100_000, inMemory: 0 }])
    const [first, last] = [await sync("load-0"), await sync("load-99999")]
    expect([first.items.length, last.items.length]).toEqual([3, 3])
    expect(first.user.id).not.toBe(last.user.id)
    expect((await health()).pools).toMatchObject([{ inMemory: 2, changed: 0 }])
    for (const unknown of ["load-100000", "load-01", "load-", "load--1", "other-1"]) {
      expect((await post("/api/v1/sync", { sync_token: "*", resource_types: ["items"] }, unknown)).status).toBe(401)
    }
  })

  it("one that was written to is kept, and told of its change", async () => {
    await post("/_sim/accounts", { count: 20_000, itemsPerAccount: 2 })
    const { items: [item], sync_token: token } = await sync("load-2")
    const commands = [{ type: "item_close", uuid: "1", args: { id: item!.id } }]
    await post("/api/v1/sync", { commands }, "load-2")
    expect((await health()).pools).toMatchObject([{ inMemory: 1, changed: 1 }])
    expect(await sync("load-2", token)).toMatchObject({ full_sync: false, items: [{ id: item!.id }] })
  })

  it("they can be connected by OAuth like any other", async () => {
    const { body } = await post("/_sim/accounts", { count: 10 })
    const { userId } = body["last"] as { userId: string }
    const { client } = simulator
    const approved = await post("/_sim/oauth/approve", {
      clientId: client.id,
      userId,
      scope: "data:read",
      redirectUri: "http://127.0.0.1:9/cb",
    })
    const code = new URL(String(approved.body["redirect"])).searchParams.get("code")
    const pair = await post("/oauth/access_token", { client_id: client.id, client_secret: client.secret, code })
    expect((await sync(String(pair.body["access_token"]))).user.id).toBe(userId)
  })

  it("their prefix is theirs alone, and nonsense is refused", async () => {
    const status = async (fields: object) => (await post("/_sim/accounts", fields)).status
    expect(await status({ count: 5, tokenPrefix: "a-" })).toBe(201)
    expect(await status({ count: 5, tokenPrefix: "a-" })).toBe(409)
    expect(await status({ count: -1 })).toBe(400)
    expect(await status({ count: 5, itemsPerAccount: 2_000 })).toBe(400)
    expect(await status({ count: 5, tokenPrefix: "a b" })).toBe(400)
    expect(await status({ count: 5, taskCount: 3 })).toBe(400)
    expect(await status({ token: "a-3" })).toBe(409)
  })
})
