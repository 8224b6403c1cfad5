/** Against servers of this process; the client of `load` runs in its own. Times here are loads, never assertions. */
import http from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { generateLoad } from "./generateLoad.ts"
import { load, loadWithFailures } from "./load.ts"
import type { LoadPlan } from "./loadPlan.ts"

const servers: Array<http.Server> = []

async function serve(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

const plan = (origin: string, more: Partial<LoadPlan> = {}): LoadPlan => ({
  origin,
  requests: [{ method: "GET", path: "/" }],
  expectStatus: 200,
  connections: 4,
  durationMs: 200,
  warmupMs: 50,
  ...more,
})

describe("closed loop", () => {
  it("sends every request in turn, whole, over connections it keeps, and counts the replies", async () => {
    const seen = new Map<string, number>()
    const sockets = new Set<unknown>()
    const origin = await serve(async (request, response) => {
      let body = ""
      for await (const chunk of request.setEncoding("utf8")) body += chunk
      const key = `${request.method} ${request.url} ${request.headers["cookie"] ?? ""} ${body}`
      seen.set(key, (seen.get(key) ?? 0) + 1)
      sockets.add(request.socket)
      response.end("ok")
    })
    const result = await load(plan(origin, {
      requests: [
        { method: "POST", path: "/v1/a", headers: { cookie: "s=1" }, body: '{"é":1}' },
        { method: "POST", path: "/v1/b" },
        { method: "GET", path: "/v1/c?d=e" },
      ],
    }))
    expect([...seen.keys()].toSorted()).toEqual(["GET /v1/c?d=e  ", 'POST /v1/a s=1 {"é":1}', "POST /v1/b  "])
    const counts = [...seen.values()]
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    expect(sockets.size).toBe(4)
    expect(result.succeeded).toBeGreaterThan(0)
    expect(result.succeeded).toBe(result.count)
    expect(result.succeeded).toBeLessThanOrEqual(counts.reduce((sum, count) => sum + count))
    expect(result.perSecond).toBe(result.succeeded / 0.2)
  })

  it("goes on when the server closes a connection after its reply", async () => {
    const origin = await serve((_, response) => void response.setHeader("connection", "close").end("ok"))
    const result = await generateLoad(plan(origin))
    expect(result.failed).toBe(0)
    expect(result.succeeded).toBeGreaterThan(4)
  })

  it("refuses a result in which a status was another than expected", async () => {
    let replies = 0
    const origin = await serve((_, response) => void response.writeHead(replies++ % 2 === 0 ? 200 : 503).end())
    await expect(load(plan(origin))).rejects.toThrow(/requests failed: status 503 \(\d+ times\)/)
    const result = await loadWithFailures(plan(origin))
    expect(result.failures["status 503"]).toBe(result.failed)
    expect(result.count).toBe(result.succeeded)
  })

  it("counts what is cut off and what is never answered, and ends all the same", async () => {
    const cut = await serve((request) => void request.socket.destroy())
    expect(Object.keys((await generateLoad(plan(cut))).failures)).not.toEqual([])
    const silent = await serve(() => {})
    const result = await generateLoad(plan(silent))
    expect(result).toMatchObject({ succeeded: 0, failed: 4, failures: { "no reply": 4 } })
  })

  it("says so when nobody listens, and when the plan cannot be", async () => {
    await expect(load(plan("http://127.0.0.1:1"))).rejects.toThrow("ECONNREFUSED")
    await expect(generateLoad(plan("http://127.0.0.1:1", { connections: 0 }))).rejects.toThrow("connections must be")
    await expect(generateLoad(plan("https://127.0.0.1"))).rejects.toThrow("not an http origin")
    await expect(generateLoad(plan("http://127.0.0.1:1", { requests: [] }))).rejects.toThrow("no requests")
  })
})

describe("open loop", () => {
  it("sends exactly what is due at its rate", async () => {
    let seen = 0
    const origin = await serve((_, response) => {
      seen++
      response.end("ok")
    })
    const result = await load(plan(origin, { ratePerSecond: 500, durationMs: 400, warmupMs: 100, connections: 8 }))
    expect(seen).toBe(250)
    expect(result).toMatchObject({ succeeded: 200, count: 200, failed: 0, perSecond: 500 })
    expect(result.p50Ms).toBeLessThanOrEqual(result.p99Ms)
    expect(result.p99Ms).toBeLessThanOrEqual(result.maxMs)
  })

  it("counts latency from when a request was due: those a stall held up carry it", async () => {
    let replies = 0
    let opened: Promise<unknown> | undefined
    const origin = await serve(async (_, response) => {
      // The server stands still for 400 ms at its fiftieth request.
      if (++replies === 50) opened = new Promise((resolve) => setTimeout(resolve, 400))
      await opened
      response.end("ok")
    })
    // Two connections: a client that counted from sending would see two slow requests among 200.
    const result = await load(plan(origin, { ratePerSecond: 200, durationMs: 1_000, warmupMs: 0, connections: 2 }))
    expect(result.succeeded).toBe(200)
    expect(result.maxMs).toBeGreaterThan(200)
    expect(result.p99Ms).toBeGreaterThan(200)
  })

  it("counts as failed, with the time they waited, requests that were never sent or answered", async () => {
    const origin = await serve(() => {})
    const result = await generateLoad(plan(origin, { ratePerSecond: 100, connections: 3, warmupMs: 0 }))
    expect(result).toMatchObject({ succeeded: 0, failed: 20, count: 20 })
    expect(result.failures).toEqual({ "no reply": 3, "not sent: every connection was busy": 17 })
  })
})
