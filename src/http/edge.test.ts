import { Context, Effect } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { describe, expect, it } from "vitest"
import { edge } from "./edge.ts"
import { HttpSettings } from "./HttpSettings.ts"

const statusOf = (
  headers: Record<string, string>,
  publicHost?: string,
  path = "/v1/recommend",
): Promise<number> => {
  const request = new Request(`http://10.0.0.7:8080${path}`, { method: "POST", headers })
  const context = Context.empty().pipe(
    Context.add(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request)),
    Context.add(HttpSettings, {
      demo: false,
      secureCookies: true,
      ...(publicHost === undefined ? {} : { publicHost }),
      adminToken: undefined,
      bodyMaxBytes: 65_536,
      version: "0.1.0",
      runtime: "test",
      startedAtMs: 0,
      simulator: undefined,
    }),
  )
  const response = Effect.provideContext(edge(Effect.succeed(HttpServerResponse.empty())), context)
  return Effect.runPromise(Effect.map(response, ({ status }) => status))
}

describe("a browser that sends an Origin and no Sec-Fetch-Site", () => {
  const host = "10.0.0.7:8080"

  it("is let in from the host it names, or from the public one behind a proxy that writes another Host", async () => {
    expect(await statusOf({ host, origin: `http://${host}` })).toBe(204)
    expect(await statusOf({ host, origin: "https://tips.example" }, "tips.example")).toBe(204)
    expect(await statusOf({ host, origin: "https://tips.example:8443" }, "tips.example:8443")).toBe(204)
  })

  it("is refused from anywhere else", async () => {
    for (const origin of ["https://evil.example", "https://tips.example:1", "https://tips.example.evil", "null"]) {
      expect(await statusOf({ host, origin }, "tips.example")).toBe(403)
    }
    expect(await statusOf({ host, origin: "https://tips.example" })).toBe(403)
    expect(await statusOf({ host, origin: "data:text/html,x" }, "")).toBe(403)
  })

  it("what Sec-Fetch-Site says counts more", async () => {
    const headers = { host, origin: "https://tips.example", "sec-fetch-site": "cross-site" }
    expect(await statusOf(headers, "tips.example")).toBe(403)
  })
})

describe("a webhook", () => {
  it("comes from elsewhere, and its length is judged where it is taken", async () => {
    const from = { host: "10.0.0.7:8080", origin: "https://evil.example", "sec-fetch-site": "cross-site" }
    const long = { "content-length": "1048576" }
    expect(await statusOf({ ...from, ...long }, undefined, "/webhooks/todoist")).toBe(204)
    expect(await statusOf(long)).toBe(413)
    for (const path of ["/webhooks", "/webhooksx/todoist", "/v1/recommend?/webhooks/todoist"]) {
      expect([path, await statusOf(from, undefined, path)]).toEqual([path, 403])
    }
  })
})
