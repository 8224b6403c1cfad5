import { describe, expect, it } from "vitest"
import { DecisionId } from "../../../schemas/ids.ts"
import { IdempotencyKeyReused, TipUnknown } from "../../recommender/Decisions.ts"
import { NothingToUndo, SnoozeNotAhead, TipHasExpired, TipSettled } from "../../recommender/Feedback.ts"
import { connectionOf, connectorOf, faultsOf, tipId } from "./pages.fixture.ts"
import { signedOut, site, whereTo } from "./site.fixture.ts"

const otherTip = DecisionId.make("01975a2e-0000-7000-8000-000000000002")

describe("pages", () => {
  it("carry their policy, are kept by nobody and are made of known markup", async () => {
    const { get } = site()
    for (
      const path of ["/tip", "/history", "/connect", "/operator", "/operator/drop?ids=1", "/connect?trouble=rejected"]
    ) {
      const response = await get(path)
      expect([path, response.status]).toEqual([path, 200])
      expect(response.headers.get("content-security-policy")).toBe(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; " +
          "frame-ancestors 'none'",
      )
      expect(response.headers.get("cache-control")).toBe("no-store")
      expect(response.headers.get("referrer-policy")).toBe("same-origin")
      expect(faultsOf(await response.text())).toEqual([])
    }
  })

  it("load a style whose address changes with it, so that it may be kept for ever", async () => {
    const { get } = site()
    const address = /href="(\/style\.css\?v=[0-9a-f]{12})"/.exec(await (await get("/tip")).text())![1]!
    const style = await get(address)
    expect(style.headers.get("content-type")).toContain("text/css")
    expect(style.headers.get("cache-control")).toContain("immutable")
    expect((await get("/favicon.svg")).headers.get("content-type")).toBe("image/svg+xml")
  })

  it("send whoever is not signed in to the front, and show it to them", async () => {
    const { get, post, asked } = site()
    for (const path of ["/tip", "/history", "/connect"]) {
      expect(whereTo(await get(path, signedOut))).toEqual([303, "/"])
    }
    for (const path of [`/tip/${tipId}/done`, "/connect/todoist", "/connect/todoist/sync"]) {
      expect(whereTo(await post(path, {}, signedOut))).toEqual([303, "/"])
    }
    expect([asked.given, asked.messages, asked.recommended]).toEqual([[], [], 0])
    expect(await (await get("/", signedOut)).text()).toContain("Continue as the demo user")
    expect(whereTo(await get("/"))).toEqual([303, "/tip"])
  })

  it("do not go round in circles when the account of a session is gone", async () => {
    const { get } = site({ accountGone: true })
    expect(whereTo(await get("/tip"))).toEqual([303, "/"])
    expect((await get("/")).status).toBe(200)
  })

  it("say one moment when the store is away", async () => {
    const { get, post } = site({ storeDown: true })
    for (const response of [await get("/tip"), await get("/"), await post(`/tip/${tipId}/done`)]) {
      expect(response.status).toBe(503)
      expect(await response.text()).toContain("Nothing is lost")
    }
  })
})

describe("signing in", () => {
  it("gives the demo user a session on loopback in demo mode only", async () => {
    const response = await site().post("/sign-in", {}, signedOut)
    expect(whereTo(response)).toEqual([303, "/tip"])
    expect(response.headers.get("set-cookie")).toMatch(/^sid=fresh; Max-Age=34560000;.*HttpOnly/)
    const elsewhere = await site().post("/sign-in", {}, { host: "example.org" })
    expect([elsewhere.status, elsewhere.headers.get("set-cookie")]).toEqual([403, null])
    expect((await site({ demo: false }).post("/sign-in", {}, signedOut)).status).toBe(403)
    expect(await (await site().get("/", { ...signedOut, host: "example.org" })).text()).not.toContain("<form")
    expect(await (await site({ demo: false }).get("/", signedOut)).text()).toContain("serve --demo")
  })

  it("ends", async () => {
    const response = await site().post("/sign-out")
    expect(whereTo(response)).toEqual([303, "/"])
    expect(response.headers.get("set-cookie")).toMatch(/^sid=;.*Max-Age=0/)
  })
})

describe("the tip", () => {
  it("is the open one, else a new one", async () => {
    const open = site()
    await open.get("/tip")
    expect(open.asked.recommended).toBe(0)
    const fresh = site({ openTip: false })
    expect(await (await fresh.get("/tip")).text()).toContain("Book the dentist")
    expect(fresh.asked.recommended).toBe(1)
  })

  it.each([{ "sec-purpose": "prefetch;prerender" }, { purpose: "prefetch" }, { "x-moz": "prefetch" }])(
    "is not decided on for %o, only shown when it is open",
    async (ahead: Record<string, string>) => {
      const fresh = site({ openTip: false })
      const refused = await fresh.get("/tip", ahead)
      expect([refused.status, await refused.text(), fresh.asked.recommended]).toEqual([503, "", 0])
      expect((await fresh.get("/tip")).status).toBe(200)
      expect(await (await site().get("/tip", ahead)).text()).toContain("Book the dentist")
    },
  )

  it("is the one asked for when it is the user's, and no other's", async () => {
    const { get } = site({ openTip: false })
    expect((await get(`/tip?tip=${tipId}`)).status).toBe(200)
    for (const query of [`tip=${otherTip}`, "tip=x", `answered=${otherTip}`, "answered=%3Cb%3E", "refused=x"]) {
      const page = await (await get(`/tip?${query}`)).text()
      expect(page).not.toContain('class="bar')
    }
  })

  it("is not one that was answered, even when asked for", async () => {
    const { get, asked } = site({ openTip: false, state: "dismiss" })
    await get(`/tip?tip=${tipId}`)
    expect(asked.recommended).toBe(1)
  })

  it("is absent when there is none, and says why", async () => {
    const { get } = site({ openTip: false, nothing: true })
    expect(await (await get("/tip")).text()).toContain("All quiet for now")
  })

  it("takes an answer once per page and button, and moves on", async () => {
    const { post, asked } = site()
    const taken = await post(`/tip/${tipId}/snooze`, { key: "k", until: "1781100000000" })
    expect(whereTo(taken)).toEqual([303, `/tip?answered=${tipId}`])
    await post(`/tip/${tipId}/dismiss`, { key: "k", until: "1781100000000" })
    await post(`/tip/${tipId}/done`)
    await post(`/tip/${tipId}/snooze`, { key: "k".repeat(300), until: "-1" })
    await post(`/tip/${tipId}/done`, { key: "k\u0000" })
    expect(asked.given).toEqual([
      { tipId, reaction: "snooze", snoozeUntilMs: 1_781_100_000_000, idempotencyKey: "k:snooze:1781100000000" },
      { tipId, reaction: "dismiss", snoozeUntilMs: null, idempotencyKey: "k:dismiss:" },
      { tipId, reaction: "done", snoozeUntilMs: null, idempotencyKey: null },
      { tipId, reaction: "snooze", snoozeUntilMs: null, idempotencyKey: null },
      { tipId, reaction: "done", snoozeUntilMs: null, idempotencyKey: null },
    ])
  })

  it("comes back after an undo, where the undo was", async () => {
    const { post } = site()
    expect(whereTo(await post(`/tip/${tipId}/undo`, { back: "/tip" })))
      .toEqual([303, `/tip?answered=${tipId}&tip=${tipId}`])
    expect(whereTo(await post(`/tip/${tipId}/undo`, { back: "/history" })))
      .toEqual([303, `/history?answered=${tipId}`])
    expect(whereTo(await post(`/tip/${tipId}/undo`, { back: "https://evil.example/" }))[1]).toMatch(/^\/tip\?/)
  })

  it("says kindly why an answer was not taken", async () => {
    const errors = [
      new TipUnknown({ tipId }),
      new TipHasExpired({ tipId }),
      new TipSettled({ state: "done" }),
      new NothingToUndo({ state: "done" }),
      new SnoozeNotAhead(),
      new IdempotencyKeyReused(),
    ]
    for (const feedbackError of errors) {
      const { post, get } = site({ feedbackError })
      const response = await post(`/tip/${tipId}/done`)
      expect(whereTo(response)).toEqual([303, `/tip?refused=${feedbackError._tag}`])
      expect(await (await get(`/tip?refused=${feedbackError._tag}`)).text()).toContain('class="bar trouble"')
    }
  })

  it("knows no other answer and no other id", async () => {
    const { post, asked } = site()
    for (const path of [`/tip/${tipId}/expired`, `/tip/${tipId}/%3Cb%3E`, "/tip/1/done"]) {
      expect((await post(path)).status).toBe(404)
    }
    expect(asked.given).toEqual([])
  })
})

describe("what is done of a tool that may only be read", () => {
  const scene = (scopes: ReadonlyArray<string> | null) => ({
    state: "done" as const,
    connectors: [connectorOf({ grants: ["oauth" as const], actScope: "data:read_write" })],
    connections: [connectionOf({ scopes })],
  })

  it("is said to be done here, with the way to change that", async () => {
    for (const path of [`/tip?answered=${tipId}`, `/history?answered=${tipId}`]) {
      const page = await (await site(scene(["data:read"])).get(path)).text()
      expect([path, faultsOf(page)]).toEqual([path, []])
      expect(page).toMatch(/<p>Done here: <bdi>Book the dentist<\/bdi>. Todoist stays as it is: .*href="\/connect"/)
      expect(page).not.toContain("Done:")
    }
  })

  it("is just done where the tool is told", async () => {
    for (const scopes of [null, ["data:read_write"]]) {
      expect(await (await site(scene(scopes)).get(`/tip?answered=${tipId}`)).text()).toContain("<p>Done: <bdi>")
      expect(await (await site(scene(scopes)).get("/history")).text()).not.toContain("Done here")
    }
  })
})

describe("the history", () => {
  it("has another page only after a full one", async () => {
    expect(await (await site({ pastTips: 19 }).get("/history")).text()).not.toContain("Older")
    expect(await (await site({ pastTips: 20 }).get("/history")).text()).toMatch(/href="\/history\?before=\d+">Older/)
  })
})

describe("the operator's page", () => {
  it("is open in demo mode on loopback while there is no token", async () => {
    expect((await site().get("/operator", signedOut)).status).toBe(200)
    expect((await site().get("/operator", { host: "example.org" })).status).toBe(403)
    expect((await site({ demo: false }).get("/operator")).status).toBe(403)
  })

  it("opens by bearer token, or by form for a browser, which keeps what is not the token", async () => {
    const { get, post } = site({ adminToken: "secret-token" })
    expect((await get("/operator")).status).toBe(401)
    expect((await get("/operator", { authorization: "Bearer secret-token" })).status).toBe(200)
    expect(whereTo(await post("/operator/sign-in", { token: "wrong" }))).toEqual([303, "/operator?wrong=1"])
    const opened = await post("/operator/sign-in", { token: "secret-token" })
    const cookie = opened.headers.get("set-cookie") ?? ""
    expect(cookie).toMatch(/^operator=[0-9a-f]{64};/)
    for (const attribute of ["HttpOnly", "SameSite=Strict", "Path=/operator"]) expect(cookie).toContain(attribute)
    expect(cookie).not.toMatch(/Max-Age|Expires|secret-token/)
    expect((await get("/operator", { cookie: cookie.split(";")[0]! })).status).toBe(200)
    expect((await get("/operator", { cookie: "operator=secret-token" })).status).toBe(401)
    expect((await site({ adminToken: "another" }).get("/operator", { cookie: cookie.split(";")[0]! })).status).toBe(401)
    expect((await post("/operator/sign-out")).headers.get("set-cookie")).toMatch(/^operator=;.*Max-Age=0/)
  })

  it("gives no pass where no token is set", async () => {
    expect((await site().post("/operator/sign-in", { token: "" })).headers.get("set-cookie")).toBeNull()
  })

  it("sends letters again and, once asked, drops them, and comes back to where it was", async () => {
    const { get, post, asked } = site()
    const form = { ids: "1,2", durable: "a b", live: "off" }
    expect(whereTo(await post("/operator/redrive", form)))
      .toEqual([303, "/operator?durable=a+b&live=off&redriven=1&refused=1#dead-letters"])
    const question = await get("/operator/drop?ids=1,2")
    expect([question.status, await question.text()]).toEqual([200, expect.stringContaining("Yes, drop for good")])
    expect(asked.letters).toEqual([["redrive", { ids: [1, 2] }]])
    expect(whereTo(await post("/operator/drop", { ids: "1,2" }))).toEqual([303, "/operator?dropped=2#dead-letters"])
    await get("/operator?durable=a+b")
    expect(asked.letters.slice(1)).toEqual([["drop", { ids: [1, 2] }], ["list", { durable: "a b" }]])
  })

  it("does nothing with letters that are not named as it names them", async () => {
    const { get, post, asked } = site()
    for (const ids of ["", "x", "1,", "1;2", "-1", "1,2,3 OR true"]) {
      await post("/operator/redrive", { ids })
      await post("/operator/drop", { ids })
      expect(whereTo(await get(`/operator/drop?ids=${encodeURIComponent(ids)}`))).toEqual([
        303,
        "/operator#dead-letters",
      ])
    }
    expect(new Set(asked.letters.map(([, filter]) => JSON.stringify(filter)))).toEqual(new Set(['{"ids":[]}']))
  })

  it("lets nobody else send or drop letters", async () => {
    const closed = site({ demo: false })
    const locked = site({ adminToken: "secret-token" })
    for (const path of ["/operator/redrive", "/operator/drop"]) {
      expect((await closed.post(path, { ids: "1" })).status).toBe(403)
      expect((await locked.post(path, { ids: "1" })).status).toBe(401)
    }
    expect((await locked.get("/operator/drop?ids=1")).status).toBe(401)
    expect([...closed.asked.letters, ...locked.asked.letters]).toEqual([])
    expect((await site({ storeDown: true }).post("/operator/redrive", { ids: "1" }, signedOut)).status).toBe(503)
  })

  it("stands while the store is away", async () => {
    const page = await (await site({ storeDown: true }).get("/operator?live=off", signedOut)).text()
    expect(page).toContain("the database does not answer")
    expect(page).toContain("default/u1")
  })
})
