/** To Todoist and back by OAuth, with the whole service, over the simulator's own consent and token endpoints. */
import http from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, describe, expect, it } from "vitest"
import { clientOf } from "../support/httpClient.ts"
import type { Answer } from "../support/httpClient.ts"
import { eventually } from "../support/eventually.ts"
import { worldOfFile } from "../support/world.ts"
import type { User } from "../support/world.ts"

/** Takes what the service sends of its traces, metrics and lines, and writes it down. */
const collected: Array<string> = []
const collector = http.createServer((request, response) => {
  const parts: Array<Buffer> = []
  request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
    collected.push(Buffer.concat(parts).toString())
    response.end("{}")
  })
})
await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve))
afterAll(() => {
  collector.closeAllConnections()
  return new Promise((resolve) => collector.close(resolve))
})

const app = { id: "tipstream-test", secret: "canary-client-secret" }
const world = worldOfFile({
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
  TODOIST_CLIENT_ID: app.id,
  TODOIST_CLIENT_SECRET: app.secret,
  LOG_LEVEL: "debug",
})

interface Family {
  readonly userId: string
  readonly scopes: ReadonlyArray<string>
  readonly endedBy: string | null
}

const control = async (method: string, path: string, json?: object): Promise<Answer> => {
  const answer = await clientOf(world.simulator.url).call(method, `/_sim${path}`, json === undefined ? {} : { json })
  if (answer.status >= 300) throw new Error(`the simulator refused ${path}: ${answer.text}`)
  return answer
}

const accountOf = async (token: string, more: object = {}) => {
  await control("POST", "/clients", { ...app, ...more })
  await world.simulator.account(token, 5)
  return token
}

const familiesOf = async (token: string): Promise<ReadonlyArray<Family>> => {
  const { personal, families } = (await control("GET", "/tokens")).json<{
    readonly personal: ReadonlyArray<{ readonly token: string; readonly userId: string }>
    readonly families: ReadonlyArray<Family>
  }>()
  const userId = personal.find((one) => one.token === token)?.userId
  return families.filter((one) => one.userId === userId)
}

/** Leaves by the API; gives the address the tool was asked by. */
const leave = async (user: User, more: object = {}): Promise<URL> => {
  const answer = await user.call("POST", "/v1/connectors/todoist", { json: { oauth: true, ...more } })
  if (answer.status !== 200) throw new Error(`did not begin: ${answer.text}`)
  return new URL(answer.json<{ readonly authorizeUrl: string }>().authorizeUrl)
}

/** What the person says at the tool; gives the path their browser is sent back to. */
const decide = async (address: URL, token: string, more: object = {}): Promise<string> => {
  const asked = (name: string) => address.searchParams.get(name)
  const { redirect } = (await control("POST", "/oauth/approve", {
    clientId: asked("client_id"),
    scope: asked("scope"),
    state: asked("state"),
    redirectUri: asked("redirect_uri"),
    codeChallenge: asked("code_challenge"),
    token,
    ...more,
  })).json<{ readonly redirect: string }>()
  const { pathname, search } = new URL(redirect)
  return pathname + search
}

const comeBack = async (user: User, path: string) => (await user.call("GET", path)).headers.location

const connected = "/connect?said=connected&tool=todoist"

describe("by OAuth", () => {
  it("a user connects, and tips come from what was granted", async () => {
    const token = await accountOf("oauth-good")
    const user = await world.newUser()
    const address = await leave(user)
    expect(address.searchParams.get("redirect_uri")).toBe(`${world.url.replace(/\/$/, "")}/oauth/todoist/callback`)
    expect(address.searchParams.get("scope")).toBe("data:read")
    const answer = await user.call("GET", await decide(address, token))
    expect([answer.status, answer.headers.location]).toEqual([303, connected])
    expect(answer.headers).toMatchObject({ "cache-control": "no-store", "referrer-policy": "no-referrer" })
    expect(await user.connection()).toMatchObject({ status: "connected", problem: null })
    const tip = await eventually("a task is recommended", async () => {
      const tip = await user.tip()
      return tip.kind === "todo" ? tip : undefined
    })
    expect(tip.source).toBe("todoist")
    const [row] = await world.sql`SELECT scopes, sealed_token FROM connections WHERE user_id = ${user.userId}`
    expect(row?.["scopes"]).toEqual(["data:read"])
    expect(Buffer.from(row?.["sealed_token"] as Uint8Array).toString("latin1")).not.toMatch(/[0-9a-f]{40}/)
  })

  it("edge case 34 - a no, a wrong state and a replay end calmly, and no code is exchanged", async () => {
    const token = await accountOf("oauth-no")
    const [user, other] = [await world.newUser(), await world.newUser()]
    const stale = "/connect?trouble=stale&tool=todoist"
    expect(await comeBack(user, await decide(await leave(user), token, { deny: true })))
      .toBe("/connect?trouble=denied&tool=todoist")
    const back = await decide(await leave(user), token)
    expect(await comeBack(other, back)).toBe(stale)
    const wrong = back.replace(/state=(.)/, (_, first) => `state=${first === "_" ? "-" : "_"}`)
    expect(await comeBack(user, wrong)).toBe(stale)
    expect(await familiesOf(token)).toEqual([])
    expect(await comeBack(user, back)).toBe(connected)
    expect(await comeBack(user, back)).toBe(stale)
    expect(await familiesOf(token)).toHaveLength(1)
    expect(await user.connection()).toMatchObject({ status: "connected" })
  })

  it("edge case 34 - the same code twice at once makes one connection", async () => {
    const token = await accountOf("oauth-twice")
    const user = await world.newUser()
    const back = await decide(await leave(user), token)
    const places = await Promise.all([1, 2, 3].map(() => comeBack(user, back)))
    expect(places.filter((place) => place === connected)).toHaveLength(1)
    expect(await familiesOf(token)).toMatchObject([{ endedBy: null }])
  })

  it("edge case 32 - another account is asked about, its grant taken back; with a yes it takes the place", async () => {
    const [first, second] = [await accountOf("oauth-first"), await accountOf("oauth-second")]
    const user = await world.newUser()
    expect(await comeBack(user, await decide(await leave(user), first))).toBe(connected)
    expect(await comeBack(user, await decide(await leave(user), second)))
      .toBe("/connect?trouble=other-account&tool=todoist")
    expect((await familiesOf(second)).map(({ endedBy }) => endedBy === null)).toEqual([false])
    const pasted = await user.call("POST", "/v1/connectors/todoist", { json: { token: second } })
    expect([pasted.status, pasted.code]).toEqual([409, "DIFFERENT_ACCOUNT"])
    expect(await comeBack(user, await decide(await leave(user, { replace: true }), second))).toBe(connected)
    const rows = await world.sql`SELECT count(*)::integer AS tasks FROM tasks WHERE user_id = ${user.userId}`
    expect(rows).toEqual([{ tasks: (await world.simulator.openTaskIds(second)).length }])
  })

  it("edge case 35 - who let us read only is told so, and may let us do more", async () => {
    const token = await accountOf("oauth-more", { refreshEnabled: false })
    const user = await world.newUser()
    const offer = "Let tipstream complete tasks"
    expect(await comeBack(user, await decide(await leave(user), token))).toBe(connected)
    expect((await user.call("GET", "/connect")).text).toContain(offer)
    const address = await leave(user, { mayAct: true })
    expect(address.searchParams.get("scope")).toBe("data:read_write")
    expect(await comeBack(user, await decide(address, token))).toBe(connected)
    expect((await user.call("GET", "/connect")).text).not.toContain(offer)
    await control("POST", "/clients", { id: app.id, refreshEnabled: true })
  })

  it("edge case 31 - leaving takes the grant back at the tool", async () => {
    const token = await accountOf("oauth-leave")
    const user = await world.newUser()
    await comeBack(user, await decide(await leave(user), token))
    expect(await familiesOf(token)).toMatchObject([{ endedBy: null }])
    const answer = await user.call("DELETE", "/v1/connectors/todoist")
    expect([answer.status, answer.json()]).toEqual([200, { status: "disconnected", revocation: "done" }])
    expect((await familiesOf(token)).map(({ endedBy }) => endedBy === null)).toEqual([false])
  })

  it("says what to do when the tool suspended the app, or refuses the code", async () => {
    const token = await accountOf("oauth-refused")
    const user = await world.newUser()
    await control("POST", "/clients", { id: app.id, suspended: true })
    expect(await comeBack(user, await decide(await leave(user), token)))
      .toBe("/connect?trouble=application&tool=todoist")
    await control("POST", "/clients", { id: app.id, suspended: false })
    const back = await decide(await leave(user), token)
    expect(await comeBack(user, back.replace(/code=[^&]+/, "code=invented")))
      .toBe("/connect?trouble=unfinished&tool=todoist")
    expect((await user.call("GET", "/v1/connectors")).json()).toMatchObject({ connectors: [] })
  })

  it("neither code nor state nor secret is in a line of the log, or in a span", async () => {
    const token = await accountOf("oauth-silent")
    const user = await world.newUser()
    const back = await decide(await leave(user), token)
    const { searchParams } = new URL(back, world.url)
    expect(await comeBack(user, back)).toBe(connected)
    await comeBack(user, `${back}&marker=1`)
    await eventually("the spans of both are collected", async () => {
      const ways = collected.join("").match(/\/oauth\/todoist\/callback/g)?.length ?? 0
      return ways >= 2 && collected.join("").includes("marker") ? true : undefined
    })
    const written = world.service.output() + collected.join("")
    for (const name of ["code", "state"]) {
      const value = searchParams.get(name) ?? ""
      expect(value.length).toBeGreaterThan(10)
      expect(written).not.toContain(value)
    }
    expect(written).not.toContain(app.secret)
    expect(written).not.toContain([...user.cookies.values()][0])
  })
})

describe("what is asked for wrongly", () => {
  it("is refused by name: no way, two ways, or one that the tool has not", async () => {
    const user = await world.newUser()
    const connect = async (json: object) => {
      const answer = await user.call("POST", "/v1/connectors/todoist", { json })
      return [answer.status, answer.code]
    }
    expect(await connect({})).toEqual([400, "INVALID_REQUEST"])
    expect(await connect({ oauth: true, token: "t" })).toEqual([400, "INVALID_REQUEST"])
    expect(await connect({ oauth: false })).toEqual([400, "INVALID_REQUEST"])
    expect(await connect({ token: "x".repeat(501) })).toEqual([400, "INVALID_REQUEST"])
    const elsewhere = await user.call("POST", "/v1/connectors/todoist", {
      json: { oauth: true },
      headers: { host: "evil.example" },
    })
    expect([elsewhere.status, elsewhere.code]).toEqual([422, "GRANT_UNSUPPORTED"])
    expect((await user.call("GET", "/v1/connectors")).json()).toMatchObject({
      available: expect.arrayContaining([{ provider: "todoist", grants: ["oauth", "token"], canAct: true }]),
    })
  })
})
