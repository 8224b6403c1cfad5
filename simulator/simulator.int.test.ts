import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import { bodyMaxBytes } from "./httpBody.ts"
import type { LedgerEntry } from "./account.ts"
import type { LifeStep } from "./life.ts"
import { runSimulator, type Simulator, type SimulatorOptions } from "./runSimulator.ts"
import type { Item, Project } from "./wire.ts"

const nowMs = Date.parse("2026-11-20T10:00:00Z")
const folder = mkdtempSync(join(tmpdir(), "simulator-"))
const running: Array<Simulator> = []

const start = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const simulator = await runSimulator({
    port: 0,
    timeZone: "UTC",
    clock: () => nowMs,
    token: "secret-token",
    ...options,
  })
  running.push(simulator)
  return simulator
}

type SyncReply = {
  readonly sync_token: string
  readonly full_sync: boolean
  readonly sync_status: Readonly<Record<string, unknown>>
  readonly items: ReadonlyArray<Item>
}
type Page<A> = { readonly results: ReadonlyArray<A>; readonly next_cursor: string | null }
type Ledger = {
  readonly commands: ReadonlyArray<LedgerEntry>
  readonly executions: Readonly<Record<string, Readonly<Record<string, number>>>>
}

const json = async <A>(response: Promise<Response>): Promise<A> => (await response).json() as Promise<A>

const post = (url: string, fields: unknown, token = "secret-token"): Promise<Response> =>
  fetch(`${url}/api/v1/sync`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(fields),
  })

/** On a connection of its own: Deno's fetch sends a POST again when a reused connection closes without an answer. */
const postAlone = (url: string, fields: unknown): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: "Bearer secret-token", "content-type": "application/json" }
    httpRequest(`${url}/api/v1/sync`, { method: "POST", headers, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on("error", reject).end(JSON.stringify(fields))
  })

const full = { sync_token: "*", resource_types: ["items"] }
const sync = (url: string, fields: unknown) => json<SyncReply>(post(url, fields))
const get = <A>(url: string, path: string) => json<A>(fetch(`${url}${path}`))
const ledgerOf = (url: string) => get<Ledger>(url, "/_sim/ledger")

const getApi = (url: string, path: string): Promise<Response> =>
  fetch(`${url}/api/v1${path}`, { headers: { authorization: "Bearer secret-token" } })

const fault = (url: string, script: unknown): Promise<Response> =>
  fetch(`${url}/_sim/faults`, { method: "POST", body: JSON.stringify(script) })

let url = ""
beforeEach(async () => {
  url = (await start()).url
})
afterEach(async () => {
  for (const simulator of running.splice(0)) await simulator.close()
  rmSync(join(folder, "deep"), { recursive: true, force: true })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("simulator over HTTP", () => {
  it("takes form fields and JSON alike", async () => {
    const form = await fetch(`${url}/api/v1/sync`, {
      method: "POST",
      headers: { authorization: "Bearer secret-token" },
      body: new URLSearchParams({ sync_token: "*", resource_types: '["items"]' }),
    })
    const fromForm = await form.json() as SyncReply
    expect(fromForm.items.length).toBeGreaterThan(50)
    expect((await sync(url, full)).items).toEqual(fromForm.items)
  })

  it("an unknown or absent token is 401, another path 404, another method 405", async () => {
    const refused = await post(url, full, "wrong")
    expect([refused.status, await refused.json()]).toMatchObject([401, { error_tag: "UNAUTHORIZED", http_code: 401 }])
    expect((await fetch(`${url}/api/v1/user`)).status).toBe(401)
    expect((await getApi(url, "/Sync")).status).toBe(404)
    expect((await getApi(url, "/sync")).status).toBe(405)
  })

  it("a body over 1 MiB is 413, whether announced or streamed; nonsense is 400", async () => {
    const big = "x".repeat(bodyMaxBytes + 1)
    expect((await post(url, { commands: big })).status).toBe(413)
    const streamed = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(`${url}/api/v1/sync`, { method: "POST" }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      request.on("error", reject)
      for (let i = 0; i < 3; i++) request.write(big.slice(0, 500_000))
      request.end()
    })
    expect(streamed).toBe(413)
    const nonsense = await fetch(`${url}/api/v1/sync`, { method: "POST", body: "{" })
    expect(nonsense.status).toBe(400)
  })

  it("beyond the limit of full reads it says 429 with the seconds in header and body", async () => {
    const { url } = await start({ limits: { fullMax: 1 } })
    expect((await post(url, full)).status).toBe(200)
    const refused = await post(url, full)
    expect(refused.headers.get("retry-after")).toBe("900")
    expect(await refused.json()).toMatchObject({ error_code: 35, error_extra: { retry_after: 900 }, http_code: 429 })
  })

  it("REST: tasks in pages, one task, close and reopen, user, projects", async () => {
    const first = await json<Page<Item>>(getApi(url, "/tasks?limit=40"))
    const second = await json<Page<Item>>(getApi(url, `/tasks?limit=40&cursor=${first.next_cursor}`))
    const ids = [...first.results, ...second.results].map(({ id }) => id)
    expect([new Set(ids).size, second.next_cursor]).toEqual([(await sync(url, full)).items.length, null])
    expect((await getApi(url, "/tasks?cursor=bad")).status).toBe(400)
    expect((await getApi(url, "/tasks?limit=201")).status).toBe(400)

    const plain = first.results.find(({ due }) => due === null)!.id
    const act = (verb: string) =>
      fetch(`${url}/api/v1/tasks/${plain}/${verb}`, {
        method: "POST",
        headers: { authorization: "Bearer secret-token" },
      })
    expect((await act("close")).status).toBe(204)
    expect(await (await getApi(url, `/tasks/${plain}`)).json()).toMatchObject({ id: plain, checked: true })
    expect((await act("reopen")).status).toBe(204)
    expect(await (await getApi(url, `/tasks/${plain}`)).json()).toMatchObject({ checked: false })
    const missing = await getApi(url, "/tasks/6X7rM8997g3RQmvh")
    expect([missing.status, await missing.json()]).toMatchObject([404, { error_code: 478, error_tag: "NOT_FOUND" }])
    expect((await getApi(url, "/tasks/2995104339")).status).toBe(400)
    expect(await (await getApi(url, "/user")).json()).toMatchObject({ tz_info: { timezone: "UTC" } })
    expect((await json<Page<Project>>(getApi(url, "/projects"))).results).toHaveLength(7)
  })

  it("the request log has no token, not even one in a query", async () => {
    await getApi(url, "/user?token=secret-token")
    const log = await (await fetch(`${url}/_sim/requests`)).text()
    expect(log).toContain("/api/v1/user")
    expect(log).not.toContain("secret-token")
  })

  it("controls refuse other sites, other host names, and entries that are not right", async () => {
    const evil = await fetch(`${url}/_sim/tick`, { method: "POST", headers: { origin: "https://evil.example" } })
    expect(evil.status).toBe(403)
    const rebound = await new Promise<number>((resolve, reject) => {
      httpRequest(`${url}/_sim/tasks`, { headers: { host: "evil.example" } }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      }).on("error", reject).end()
    })
    expect(rebound).toBe(403)
    expect((await fault(url, { fault: "nope" })).status).toBe(400)
    expect((await fault(url, { queue: [{ fault: "500" }, { fault: "nope" }] })).status).toBe(400)
    expect(await get(url, "/_sim/faults")).toEqual({ queue: [], rates: {} })
  })

  it("more accounts can be made; one token is one account", async () => {
    const make = (fields: unknown) => fetch(`${url}/_sim/accounts`, { method: "POST", body: JSON.stringify(fields) })
    expect((await make({ token: "second", seed: 7, taskCount: 5 })).status).toBe(201)
    expect((await make({ tokn: "third" })).status).toBe(400)
    const asForm = { "content-type": "application/x-www-form-urlencoded" }
    const third = fetch(`${url}/_sim/accounts`, { method: "POST", headers: asForm, body: '{"token":"third"}' })
    expect(await json(third)).toMatchObject({ token: "third" })
    expect((await make({ token: "second" })).status).toBe(409)
    expect((await make({ token: "bad token" })).status).toBe(400)
    expect((await make({ taskCount: -1 })).status).toBe(400)
    expect((await get<{ tasks: Array<unknown> }>(url, "/_sim/tasks?token=second")).tasks).toHaveLength(5)
    const other = await json<SyncReply>(post(url, full, "second"))
    expect((await post(url, { ...full, sync_token: other.sync_token })).status).toBe(400)
  })

  it("edge case 37 - an account of 5,000 items comes whole in one full reply", async () => {
    await fetch(`${url}/_sim/accounts`, { method: "POST", body: '{"token":"large","taskCount":5000}' })
    const large = await json<SyncReply>(post(url, full, "large"))
    expect(new Set(large.items.map(({ id }) => id)).size).toBe(5_000)
  })

  it("one step of life shows up in the next incremental reply", async () => {
    const { sync_token: token } = await sync(url, full)
    const step = await json<LifeStep>(fetch(`${url}/_sim/tick`, { method: "POST" }))
    const { items } = await sync(url, { ...full, sync_token: token })
    expect(items.map(({ id }) => id)).toContain(step.taskId)
  })

  it("the page escapes what tasks say and shows a closed one as completed", async () => {
    const commands = [
      { type: "item_add", uuid: "1", temp_id: "t", args: { content: "<script>alert(1)</script>" } },
      { type: "item_close", uuid: "2", args: { id: "t" } },
    ]
    expect((await sync(url, { commands })).sync_status).toEqual({ 1: "ok", 2: "ok" })
    const page = await (await fetch(url)).text()
    expect(page).not.toContain("<script>")
    expect(page).toContain(`<li class="done"><span class="what" dir="auto">&lt;script&gt;alert(1)&lt;/script&gt;`)
  })
})

describe("simulator faults over HTTP", () => {
  it.each([
    ["401", 401, "UNAUTHORIZED"],
    ["403-invalid-token", 403, "AUTH_INVALID_TOKEN"],
    ["403-scope", 403, "AUTH_INSUFFICIENT_TOKEN_SCOPE"],
    ["429", 429, "LIMITS_REACHED"],
    ["429-body-only", 429, "LIMITS_REACHED"],
    ["500", 500, "INTERNAL_ERROR"],
    ["503", 503, "SERVICE_UNAVAILABLE"],
    ["invalid-sync-token", 400, "SYNC_TOKEN_INVALID"],
  ])("%s answers %i %s once, then the call works again", async (name, status, tag) => {
    const { sync_token: token } = await sync(url, full)
    await fault(url, { fault: name, retryAfterSeconds: 3 })
    const spoiled = await post(url, { ...full, sync_token: token })
    expect(spoiled.status).toBe(status)
    expect(spoiled.headers.get("retry-after")).toBe(name === "429" || name === "503" ? "3" : null)
    const waits = status === 429 || status === 503 ? { retry_after: 3 } : {}
    expect(await spoiled.json()).toMatchObject({ error_tag: tag, http_code: status, error_extra: waits })
    expect((await post(url, { ...full, sync_token: token })).status).toBe(200)
  })

  it.each([["502-html", 502, "text/html"], ["410-text", 410, "text/plain"]])(
    "%s is not JSON",
    async (name, status, type) => {
      await fault(url, { fault: name })
      const spoiled = await post(url, full)
      expect([spoiled.status, spoiled.headers.get("content-type")]).toEqual([status, expect.stringContaining(type)])
    },
  )

  it("a truncated reply is a complete response with half a body", async () => {
    await fault(url, { fault: "truncated-json" })
    const half = await (await post(url, full)).text()
    expect(() => JSON.parse(half)).toThrow(SyntaxError)
  })

  it("a bad token can also be answered with a silent full reply", async () => {
    const { sync_token: token } = await sync(url, full)
    await fault(url, { fault: "invalid-sync-token", mode: "silent-full" })
    expect((await sync(url, { ...full, sync_token: token })).full_sync).toBe(true)
  })

  it("one item can have an unexpected shape", async () => {
    await fault(url, [{ fault: "unknown-enum" }, { fault: "unknown-enum", shape: "missing-content" }])
    expect((await sync(url, full)).items[0]).toMatchObject({ duration: { unit: "hour" } })
    expect((await sync(url, full)).items[0]).not.toHaveProperty("content")
  })

  it("a reset before the commit executes nothing; one after it executes once, whatever is retried", async () => {
    const { items } = await sync(url, full)
    const id = items.find(({ due }) => due?.is_recurring)!.id
    const commands = [{ type: "item_close", uuid: "close-1", args: { id } }]
    await fault(url, { queue: [{ fault: "reset-before-commit" }, { fault: "reset-after-commit", times: 2 }] })
    const counts: Array<unknown> = []
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(postAlone(url, { commands })).rejects.toThrow(/hang up|reset|closed/i)
      counts.push((await get<Ledger>(url, `/_sim/ledger?task_id=${id}`)).executions[id]?.["item_close"] ?? 0)
    }
    expect(counts).toEqual([0, 1, 1])
    expect((await sync(url, { commands })).sync_status).toEqual({ "close-1": "ok" })
    expect((await ledgerOf(url)).commands).toMatchObject([{ uuid: "close-1", executed: 1, received: 3 }])
  })

  it("a slow call is carried out even when nobody waits for the answer", async () => {
    const { items } = await sync(url, full)
    const id = items.find(({ due }) => due === null)!.id
    await fault(url, { fault: "slow", delayMs: 60_000 })
    const gaveUp = new AbortController()
    const pending = fetch(`${url}/api/v1/sync`, {
      method: "POST",
      headers: { authorization: "Bearer secret-token" },
      body: JSON.stringify({ commands: [{ type: "item_close", uuid: "slow-1", args: { id } }] }),
      signal: gaveUp.signal,
    })
    await expect.poll(async () => (await ledgerOf(url)).commands.length).toBe(1)
    gaveUp.abort()
    await expect(pending).rejects.toThrow(/abort/i)
  })

  it("clearing removes script and probabilities", async () => {
    await fault(url, { queue: [{ fault: "500", times: 5 }], rates: { "503": 1 } })
    await fetch(`${url}/_sim/faults`, { method: "DELETE" })
    expect((await post(url, full)).status).toBe(200)
  })
})

describe("simulator state on disk", () => {
  const stateFile = join(folder, "deep", "state.json")

  it("after a restart uuids, ledger, tasks and sync tokens are as before", async () => {
    const before = await start({ stateFile })
    const { sync_token: token, items } = await sync(before.url, full)
    const commands = [{ type: "item_close", uuid: "once", args: { id: items[0]!.id } }]
    await sync(before.url, { commands })
    const tasks = await get(before.url, "/_sim/tasks")
    await before.close()

    const after = await start({ stateFile })
    expect(await get(after.url, "/_sim/tasks")).toEqual(tasks)
    await sync(after.url, { commands })
    expect((await ledgerOf(after.url)).commands).toMatchObject([{ executed: 1, received: 2 }])
    const { full_sync: isFull, items: changed } = await sync(after.url, { ...full, sync_token: token })
    expect([isFull, changed.map(({ id }) => id)]).toEqual([false, [items[0]!.id]])
  })

  it("what users granted is as before, and an older file without it is read", async () => {
    const before = await start({ stateFile, clients: [{ id: "app", redirectUris: ["http://127.0.0.1:9/cb"] }] })
    const send = async (url: string, path: string, body: object) =>
      await json<Record<string, string>>(fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) }))
    const app = (await get<{ clients: Array<Record<string, string>> }>(before.url, "/_sim/clients")).clients
      .find(({ id }) => id === "app")
    const { redirect } = await send(before.url, "/_sim/oauth/approve", { clientId: "app", scope: "data:read" })
    const code = new URL(redirect!).searchParams.get("code")
    const credentials = { client_id: "app", client_secret: app?.["secret"] }
    const pair = await send(before.url, "/oauth/access_token", { ...credentials, code })
    await before.close()

    const after = await start({ stateFile })
    expect(after.client).toEqual(before.client)
    expect((await post(after.url, full, pair["access_token"])).status).toBe(200)
    const refresh = { ...credentials, grant_type: "refresh_token", refresh_token: pair["refresh_token"] }
    expect(await send(after.url, "/oauth/access_token", refresh)).toHaveProperty("access_token")
    await after.close()

    const state = JSON.parse(readFileSync(stateFile, "utf8")) as { accounts: Array<Record<string, unknown>> }
    const accounts = state.accounts.map((
      { sections: _s, collaborators: _c, collaboratorStates: _t, activity: _a, ...old },
    ) => old)
    writeFileSync(stateFile, JSON.stringify({ ...state, accounts, oauth: undefined }))
    const older = await start({ stateFile })
    expect((await post(older.url, full)).status).toBe(200)
    expect((await post(older.url, full, pair["access_token"])).status).toBe(401)
  })

  it("after a kill, tokens are invalid, because changes they stand for may be lost", async () => {
    const killed = await start({ stateFile })
    const { sync_token: token } = await sync(killed.url, full)
    const asLeft = readFileSync(stateFile)
    await killed.close()
    writeFileSync(stateFile, asLeft)
    const after = await start({ stateFile })
    expect((await post(after.url, { ...full, sync_token: token })).status).toBe(400)
  })

  it.each(["{", "{}", '{"format":1,"complete":true,"secret":"s","accounts":[{"token":"t"}]}'])(
    "a file holding %s is refused and left alone",
    async (content) => {
      await (await start({ stateFile })).close()
      writeFileSync(stateFile, content)
      await expect(start({ stateFile })).rejects.toThrow(stateFile)
      expect(readFileSync(stateFile, "utf8")).toBe(content)
    },
  )
})
