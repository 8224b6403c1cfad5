/**
 * What must never be read: tokens, codes, keys. One service lives through everything that touches them, at the finest
 * log level and with a collector; then everything it wrote anywhere is searched for them, in every encoding.
 */
import { createServer } from "node:http"
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import fs from "node:fs/promises"
import path from "node:path"
import { Redacted } from "effect"
import postgres from "postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runSimulator } from "../../simulator/runSimulator.ts"
import { embeddedUrl } from "../../src/cli/doctor/postgresCheck.ts"
import { foundIn, foundInFiles, newMarker, secret } from "../support/canaries.ts"
import type { Secret } from "../support/canaries.ts"
import { eventually } from "../support/eventually.ts"
import { clientOf } from "../support/httpClient.ts"
import type { Answer, Client, RequestOptions } from "../support/httpClient.ts"
import { leftOf, spawnService } from "../support/service.ts"
import { temporaryFolders } from "../support/temporaryFolder.ts"
import { newUserIn, signInDemo } from "../support/world.ts"

const marker = newMarker()
const canary = (name: string) => `${marker}-${name}`
/** Not a secret: what shows that the searches find what is there. */
const control = newMarker()

const folder = temporaryFolders()

/** What the service sent to its collector, by path. */
const collected = new Map<string, string>()
const collector = async (): Promise<Server> => {
  const server = createServer((request, response) => {
    let body = ""
    request.setEncoding("latin1").on("data", (chunk: string) => body += chunk).on("end", () => {
      const where = request.url ?? ""
      collected.set(where, `${collected.get(where) ?? ""}\n${JSON.stringify(request.headers)}\n${body}`)
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return server
}

/** Everything that was answered, without cookies, which are their owner's. */
const answers: Array<string> = []
const asked = async (client: Client, method: string, where: string, options?: RequestOptions): Promise<Answer> => {
  const answer = await client.call(method, where, options)
  const { "set-cookie": _, ...headers } = answer.headers
  answers.push(`${method} ${where.split("?")[0]}\n${JSON.stringify(headers)}\n${answer.text}`)
  return answer
}

let output = ""
let dump = ""
let dataDir = ""
let met: ReadonlySet<string | null> = new Set()
/** What nobody may find: of our own making, which all hold the marker, and what others made. */
const secrets: Array<Secret> = [secret("a canary", marker)]
/** Answered to the user they belong to, and to nobody else. */
const ownersSecrets: Array<Secret> = []

const connector = "/v1/connectors/todoist"
const operator = { headers: { authorization: `Bearer ${canary("operator")}` } }

const simulated = async (url: string, where: string, json: unknown): Promise<Answer> => {
  const answer = await clientOf(url).call("POST", where, { json })
  expect(answer.status, answer.text).toBeLessThan(300)
  return answer
}

/** Tokens: good, wrong, ended; in every place where somebody may put one by mistake. */
const pasteTokens = async (user: Client, simulator: string) => {
  const paste = (json: unknown, where = connector) => asked(user, "POST", where, { json })
  expect((await paste({ token: canary("wrong") })).status).toBe(422)
  await paste({ token: { nested: canary("nested") } })
  await paste({ token: canary("too-long").padEnd(3_000, "x") })
  await paste({ token: canary("other-tool") }, "/v1/connectors/other")
  await paste(
    { address: `https://feeds.invalid/${canary("feed")}/private.ics?key=${canary("feed-key")}` },
    "/v1/connectors/ical",
  )
  await paste({ address: `ftp://${canary("feed-host")}/` }, "/v1/connectors/ical")
  await asked(user, "POST", connector, {
    body: `{"token":"${canary("broken-json")}`,
    headers: { "content-type": "application/json" },
  })
  await asked(user, "POST", `${connector}?token=${canary("query")}`, { json: {} })
  await asked(user, "GET", "/v1/connectors", { headers: { authorization: `Bearer ${canary("bearer")}` } })
  await asked(user, "GET", "/v1/admin/actors", { headers: { authorization: `Bearer ${canary("not-the-operator")}` } })
  await asked(user, "POST", "/connect/todoist", {
    body: `token=${canary("form")}`,
    headers: { "content-type": "application/x-www-form-urlencoded", origin: user.url },
  })
  await simulated(simulator, "/_sim/accounts", { token: canary("personal"), taskCount: 3 })
  await simulated(simulator, "/_sim/act", { token: canary("personal"), type: "item_add", args: { content: control } })
  expect((await paste({ token: canary("personal") })).status).toBe(200)
}

const troubles = ["500", "502-html", "truncated-json", "reset-before-commit", "503", "403-scope", "unknown-enum"]

/** Each of them at a sync of its own, with one that is well behind it, so that no circuit opens. */
const failSyncs = async (user: Client, simulator: string, token: string, faults: ReadonlyArray<string>) => {
  const sync = () => asked(user, "POST", `${connector}/sync`)
  for (const fault of faults) {
    await simulated(simulator, "/_sim/faults", [{ fault, token }])
    await sync()
    await clientOf(simulator).call("DELETE", "/_sim/faults")
    await sync()
  }
}

/** Faults that a call of the service has met. */
const faultsMet = async (simulator: string): Promise<ReadonlySet<string | null>> => {
  const { requests } = (await clientOf(simulator).call("GET", "/_sim/requests"))
    .json<{ readonly requests: ReadonlyArray<{ readonly fault: string | null }> }>()
  return new Set(requests.map(({ fault }) => fault))
}

const oauth = async (user: Client, simulator: string) => {
  await simulated(simulator, "/_sim/clients", {
    id: "app",
    secret: canary("client-secret"),
    redirectUris: ["loopback"],
  })
  const begin = async () => {
    const { authorizeUrl } = (await asked(user, "POST", connector, { json: { oauth: true, mayAct: true } }))
      .json<{ readonly authorizeUrl: string }>()
    const query = new URL(authorizeUrl).searchParams
    ownersSecrets.push(secret("a state", query.get("state") ?? ""))
    return query
  }
  const comeBack = (where: URL) => asked(user, "GET", `${where.pathname}${where.search}`)
  const approve = async (query: URLSearchParams) => {
    const { redirect } = (await simulated(simulator, "/_sim/oauth/approve", {
      token: canary("oauth-account"),
      clientId: query.get("client_id"),
      scope: query.get("scope"),
      state: query.get("state"),
      redirectUri: query.get("redirect_uri"),
      codeChallenge: query.get("code_challenge"),
    })).json<{ readonly redirect: string }>()
    const back = new URL(redirect)
    secrets.push(secret("a code", back.searchParams.get("code") ?? ""))
    return back
  }
  await simulated(simulator, "/_sim/accounts", { token: canary("oauth-account"), taskCount: 2 })
  const back = await approve(await begin())
  back.searchParams.set("state", canary("invented-state").padEnd(43, "x").slice(0, 43))
  await comeBack(back)
  const wrong = await approve(await begin())
  wrong.searchParams.set("code", canary("invented-code"))
  await comeBack(wrong)
  await simulated(simulator, "/_sim/faults", [{ fault: "500", on: "oauth" }])
  await comeBack(await approve(await begin()))
  await clientOf(simulator).call("DELETE", "/_sim/faults")
  const good = await approve(await begin())
  await comeBack(good)
  const { connectors } = (await asked(user, "GET", "/v1/connectors"))
    .json<{ readonly connectors: ReadonlyArray<{ readonly status: string }> }>()
  expect(connectors.map(({ status }) => status)).toContain("connected")
  await comeBack(good)
  // Refused once, refreshed, used.
  await simulated(simulator, "/_sim/tokens/expire", { token: canary("oauth-account") })
  expect((await asked(user, "POST", `${connector}/sync`)).status).toBe(200)
  await simulated(simulator, "/_sim/tokens/expire", { token: canary("oauth-account") })
  await simulated(simulator, "/_sim/faults", [{ fault: "refresh-race", on: "oauth" }])
  await asked(user, "POST", `${connector}/sync`)
}

/** What the tool handed out, the pairs that were refreshed away too. */
const handedOut = async (simulator: string): Promise<ReadonlyArray<string>> => {
  interface Family {
    readonly access: ReadonlyArray<{ readonly token: string }>
    readonly refresh: ReadonlyArray<{ readonly token: string }>
  }
  const { families } = (await clientOf(simulator).call("GET", "/_sim/tokens"))
    .json<{ readonly families: ReadonlyArray<Family> }>()
  return families.flatMap(({ access, refresh }) => [...access, ...refresh].map(({ token }) => token))
}

const pages = [
  "/",
  "/connect",
  "/tips",
  "/operator",
  "/metrics",
  "/health",
  "/ready",
  "/openapi.json",
  "/v1/connectors",
]
const admin = ["log", "events", "actors", "syncs", "syncs/late", "dead-letters?state=any"]

const look = async (user: Client) => {
  for (const where of pages) await asked(user, "GET", where, operator)
  for (const where of admin) {
    expect((await asked(user, "GET", `/v1/admin/${where}`, operator)).status, where).toBe(200)
  }
}

/** Every row of every table as text, which has bytes in hex as `pg_dump` has. */
const dumpOf = async (sql: postgres.Sql): Promise<string> => {
  let text = ""
  const tables = await sql<Array<{ readonly tablename: string }>>`
    SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
  for (const { tablename } of tables) {
    text += `\n${tablename}\n`
    const rows = await sql<Array<{ readonly row: string }>>`SELECT each::text AS row FROM ${sql(tablename)} AS each`
    text += rows.map(({ row }) => `${row}\n`).join("")
  }
  return text
}

/** A first start of the embedded database, and a minute of everything, on a busy machine. */
const patienceMs = 180_000

beforeAll(async () => {
  dataDir = path.join(await folder(), "data")
  const [sink, simulator] = [await collector(), await runSimulator({ port: 0, token: canary("demo"), timeZone: "UTC" })]
  const service = spawnService({
    env: {
      DATA_DIR: dataDir,
      LOG_LEVEL: "trace",
      LOG_FORMAT: "json",
      TODOIST_BASE_URL: simulator.url,
      TODOIST_TOKEN: canary("demo"),
      TODOIST_CLIENT_ID: "app",
      TODOIST_CLIENT_SECRET: canary("client-secret"),
      ICAL_HOSTS: "feeds.invalid",
      ADMIN_TOKEN: canary("operator"),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(sink.address() as AddressInfo).port}`,
    },
  })
  const sql = postgres(Redacted.value((await service.ready, await embeddedUrl(dataDir))!), { max: 1 })
  try {
    const url = await service.ready
    const [pasting, going] = [await newUserIn(sql, url), await newUserIn(sql, url)]
    const demo = await signInDemo(url)
    for (const { cookies } of [pasting, going, demo]) secrets.push(secret("a session", cookies.get("sid") ?? ""))
    const [, vaultKey = ""] = (await fs.readFile(path.join(dataDir, "vault-key"), "utf8")).trim().split(":")
    ownersSecrets.push(secret("the vault key", vaultKey))
    await pasteTokens(pasting, simulator.url)
    await failSyncs(pasting, simulator.url, canary("personal"), troubles)
    await oauth(going, simulator.url)
    await failSyncs(demo, simulator.url, canary("demo"), ["429"])
    // A revocation the tool does not hear stays, sealed, until it does.
    await simulated(simulator.url, "/_sim/faults", [{ fault: "500", on: "revoke" }, { fault: "500", on: "revoke" }])
    await asked(going, "DELETE", connector)
    await simulated(simulator.url, "/_sim/tokens/revoke", { token: canary("personal"), personal: true })
    await asked(pasting, "POST", `${connector}/sync`)
    for (const token of await handedOut(simulator.url)) secrets.push(secret("a token of the tool", token))
    met = await faultsMet(simulator.url)
    await simulator.close()
    await look(demo)
    await eventually("what was synced is in the log", async () => {
      dump = await dumpOf(sql)
      return dump.includes(control) ? true : undefined
    })
  } finally {
    await sql.end({ timeout: 5 })
    const family = service.family()
    await service.stop()
    expect(await leftOf(family)).toEqual([])
    output = service.output()
    await simulator.close()
    await new Promise((resolve) => sink.close(resolve))
  }
}, patienceMs)

afterAll(() => collected.clear())

describe("no token, code or key stands", () => {
  const all = () => [...secrets, ...ownersSecrets]

  it("unless it was never used: every trouble was met, tokens were handed out, refreshed and given up", () => {
    expect([...troubles, "429", "refresh-race"].filter((fault) => !met.has(fault))).toEqual([])
    expect(secrets.filter(({ name }) => name === "a token of the tool").length).toBeGreaterThanOrEqual(4)
    expect(dump).toMatch(/\nrevocations\n\([0-9a-f-]{36},/)
  })

  it("in what the service logs", () => {
    expect(output).toContain(`"level":20`)
    expect(foundIn(output, all())).toEqual([])
  })

  it("in traces, metrics and logs sent to a collector", () => {
    expect([...collected.keys()].toSorted()).toEqual(["/v1/logs", "/v1/metrics", "/v1/traces"])
    expect(collected.get("/v1/traces")).toContain("UserSync")
    for (const [where, sent] of collected) {
      expect(foundIn(sent, all()), where).toEqual([])
    }
  })

  it("in any answer, page, problem or metric", () => {
    expect(answers.length).toBeGreaterThan(40)
    for (const answer of answers) expect(foundIn(answer, secrets), answer.slice(0, 2_000)).toEqual([])
  })

  it("in any row of the database, events and revocations included", () => {
    expect(foundIn(dump, [secret("control", control)])).toEqual(["control"])
    expect(foundIn(dump, all())).toEqual([])
  })

  it("in any file of the data folder but the key's own, the write-ahead log included", async () => {
    const controls = await foundInFiles(dataDir, [secret("control", control)])
    expect(controls.some((file) => file.includes("pg_wal"))).toBe(true)
    const found = await foundInFiles(dataDir, all())
    expect(found).toEqual(["vault-key: the vault key"])
  }, patienceMs)
})
