import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { ActorBusy, ConnectionRejected, SyncFailed } from "../../actors/Actors.ts"
import type { UserMessage } from "../../actors/Actors.ts"
import { GrantUnsupported } from "../../connectors/Connector.ts"
import { connectionOf, connectorOf, faultsOf } from "./pages.fixture.ts"
import { down, site, whereTo } from "./site.fixture.ts"

describe("the connection", () => {
  const tokenOf = (message: UserMessage | undefined) =>
    message?._tag === "Connect" ? new TextDecoder().decode(message.sealed) : undefined

  it("is made with a token, by the simulator with its own", async () => {
    const { post, asked } = site({ simulator: true })
    expect(whereTo(await post("/connect/todoist", { token: " t1\n" }))).toEqual([
      303,
      "/connect?said=connected&tool=todoist",
    ])
    await post("/connect/simulator")
    expect(asked.messages.map(tokenOf)).toEqual(["t1", "sim-token"])
    expect(whereTo(await site().post("/connect/simulator"))).toEqual([303, "/connect"])
  })

  it("is not tried with what can be no token", async () => {
    const { post, asked } = site()
    expect(whereTo(await post("/connect/todoist", { token: " " }))).toEqual([
      303,
      "/connect?trouble=missing&tool=todoist",
    ])
    expect(whereTo(await post("/connect/todoist", { token: "x".repeat(501) })))
      .toEqual([303, "/connect?trouble=rejected&tool=todoist"])
    expect(asked.messages).toEqual([])
  })

  it("tells what went wrong without quoting anybody", async () => {
    const answers = [
      [new ConnectionRejected({ provider: "todoist" }), "rejected"],
      [new SyncFailed({ problem: "<b>500</b>", code: "ProviderUnavailable", retryAtMs: null }), "failed"],
      [new ActorBusy({ detail: "inner" }), "busy"],
    ] as const
    for (const [askError, code] of answers) {
      const { post, get } = site({ askError })
      expect(whereTo(await post("/connect/todoist", { token: "t" }))).toEqual([
        303,
        `/connect?trouble=${code}&tool=todoist`,
      ])
      expect(await (await get(`/connect?trouble=${code}`)).text()).toMatch(/role="alert"/)
    }
    expect((await site({ askError: down }).post("/connect/todoist/sync")).status).toBe(503)
  })

  it("is read and ended on request", async () => {
    const { post, asked } = site()
    expect(whereTo(await post("/connect/todoist/sync"))).toEqual([303, "/connect?said=synced&tool=todoist"])
    expect(whereTo(await post("/connect/todoist/disconnect"))).toEqual([303, "/connect?said=disconnected&tool=todoist"])
    expect(asked.messages.map(({ _tag }) => _tag)).toEqual(["SyncNow", "Disconnect"])
  })

  it("edge case 31 - ends here whatever the tool says, and the page says truthfully what it said", async () => {
    const words = {
      done: ["disconnected-revoked", "Todoist ended our access too."],
      pending: ["disconnected-pending", "Todoist could not be told just now; we go on trying for a while."],
      none: ["disconnected", "issue a new API token"],
    } as const
    for (const [revocation, [code, said]] of Object.entries(words)) {
      const { get, post } = site({ report: { status: "disconnected", revocation: revocation as keyof typeof words } })
      expect(whereTo(await post("/connect/todoist/disconnect"))).toEqual([303, `/connect?said=${code}&tool=todoist`])
      const page = await (await get(`/connect?said=${code}&tool=todoist`)).text()
      expect(page).toContain("were forgotten here")
      expect(page).toContain(said)
    }
  })

  it("that is not there cannot be read", async () => {
    const { post } = site({ report: { status: "not-connected" } })
    expect(whereTo(await post("/connect/todoist/sync"))).toEqual([303, "/connect?trouble=not-connected&tool=todoist"])
  })

  it("to a tool that is no longer offered can be ended, and nothing else", async () => {
    const { get } = site({ connections: [connectionOf(), connectionOf({ provider: "ical" })] })
    const page = await (await get("/connect")).text()
    expect(faultsOf(page)).toEqual([])
    expect(page).toContain("Calendar is no longer offered here")
    expect(page).not.toContain("Connect Calendar anew")
    expect(page.match(/action="\/connect\/ical[^"]*"/g)).toEqual(['action="/connect/ical/disconnect"'])
    const gone = await (await site({ connections: [connectionOf({ provider: "ical", status: "disconnected" })] })
      .get("/connect")).text()
    expect(gone).not.toMatch(/no longer offered|coming events/)
  })

  it("with an address that is not taken says which would be", async () => {
    const calendar = connectorOf({
      provider: "ical",
      grants: ["address"],
      canAct: false,
      hosts: ["e.org", "*.f.org"],
      fromToken: () => Effect.fail(new GrantUnsupported({ provider: "ical", detail: "not of this host" })),
    })
    const { get, post } = site({ connectors: [connectorOf(), calendar] })
    const wanted = "It has to begin with https:// and to be of e.org or *.f.org."
    const code = "trouble=unsupported&tool=ical"
    expect(whereTo(await post("/connect/ical", { address: "https://g.org/x" }))).toEqual([303, `/connect?${code}`])
    for (const query of [code, "trouble=rejected&tool=ical"]) {
      expect(await (await get(`/connect?${query}`)).text()).toContain(wanted)
    }
    expect(await (await get("/connect?trouble=rejected&tool=todoist")).text()).not.toContain("It has to begin")
  })

  it("is made with a feed by its address, and each tool is told of by its name", async () => {
    const calendar = connectorOf({ provider: "ical", grants: ["address"], canAct: false })
    const { get, post, asked } = site({ connectors: [connectorOf(), calendar] })
    expect(whereTo(await post("/connect/ical", { address: " https://e.org/a.ics " })))
      .toEqual([303, "/connect?said=connected&tool=ical"])
    await post("/connect/ical/disconnect")
    expect(asked.messages).toEqual([
      expect.objectContaining({ provider: "ical", sealed: new TextEncoder().encode("https://e.org/a.ics") }),
      { _tag: "Disconnect", provider: "ical" },
    ])
    const page = await (await get("/connect?trouble=rejected&tool=ical")).text()
    expect(faultsOf(page)).toEqual([])
    expect(page).toMatch(/<input id="ical-address" name="address" type="url" maxlength="2000"[^>]* aria-invalid="true"/)
    expect(page).toContain("Calendar does not accept this address.")
    expect(page.match(/aria-invalid/g)).toHaveLength(1)
    expect(new Set(page.match(/ id="[^"]*"/g)).size).toBe(page.match(/ id="[^"]*"/g)?.length)
    expect((await post("/connect/trello", { token: "t" })).status).toBe(404)
  })
})
