import { Context, Effect } from "effect"
import { HttpRouter } from "effect/http"
import { describe, expect, it } from "vitest"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { Webhooks } from "../actors/Webhooks.ts"
import type { WebhookOutcome } from "../actors/Webhooks.ts"
import { layer } from "./webhooks.ts"

const { handler } = HttpRouter.toWebHandler(layer, { disableLogger: true })

const answers = (outcome: WebhookOutcome | "store down" = "taken") => {
  const received: Array<readonly [string, string | undefined, Uint8Array]> = []
  const tooLarge: Array<string> = []
  const context = Context.make(Webhooks, {
    listensTo: (provider) => provider === "todoist",
    tooLarge: (provider) => Effect.sync(() => void tooLarge.push(provider)),
    receive: (provider, headers, body) => {
      received.push([provider, headers["x-todoist-hmac-sha256"], body])
      return outcome === "store down"
        ? Effect.fail(new StoreUnavailable({ operation: "test", cause: "down" }))
        : Effect.succeed(outcome)
    },
  })
  const post = (path: string, body: Uint8Array<ArrayBuffer> = new Uint8Array(), headers: Record<string, string> = {}) =>
    handler(new Request(`http://127.0.0.1${path}`, { method: "POST", body, headers }), context)
  return { post, received, tooLarge }
}

describe("the door for webhooks", () => {
  it("hands over the bytes as they came, with the headers", async () => {
    const { post, received } = answers()
    const bytes = new Uint8Array([0xff, 0xfe, 0x7b, 0x0d, 0x0a, 0x00])
    await post("/webhooks/todoist", bytes, { "X-Todoist-Hmac-SHA256": "s", "content-type": "application/json" })
    expect(received).toEqual([["todoist", "s", bytes]])
  })

  it("edge case 29 - answers all alike, so that the sender learns nothing", async () => {
    const said = new Set<string>()
    for (const outcome of ["taken", "repeated", "stranger", "refused"] as const) {
      const response = await answers(outcome).post("/webhooks/todoist")
      said.add(JSON.stringify([response.status, await response.text(), [...response.headers]]))
    }
    expect([...said]).toEqual([JSON.stringify([200, "", []])])
  })

  it("is not there for tools that send none", async () => {
    const { post, received } = answers()
    for (const path of ["/webhooks/ical", "/webhooks/trello", "/webhooks/%3Cb%3E"]) {
      expect((await post(path)).status).toBe(404)
    }
    expect(received).toEqual([])
  })

  it("counts what is longer than a mebibyte, said beforehand or not, and reads none of it", async () => {
    const { post, received, tooLarge } = answers()
    const most = new Uint8Array(1_048_576)
    expect((await post("/webhooks/todoist", most)).status).toBe(200)
    const refused = [
      await post("/webhooks/todoist", new Uint8Array(1_048_577)),
      await post("/webhooks/todoist", new Uint8Array(), { "content-length": "1048577" }),
    ]
    for (const response of refused) {
      expect([response.status, await response.json()]).toEqual([
        413,
        expect.objectContaining({ code: "BODY_TOO_LARGE", detail: "at most 1048576 bytes" }),
      ])
    }
    expect([received.length, tooLarge]).toEqual([1, ["todoist", "todoist"]])
    expect((await post("/webhooks/ical", new Uint8Array(1_048_577))).status).toBe(404)
    expect(tooLarge).toHaveLength(2)
  })

  it("asks the tool to come again when nothing could be remembered", async () => {
    expect((await answers("store down").post("/webhooks/todoist")).status).toBe(503)
  })
})
