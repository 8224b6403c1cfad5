/** The commands about dead letters, as processes, against a service on its embedded defaults. */
import { spawn } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import postgres from "postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { accountOpened } from "../../schemas/events.ts"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import { eventually } from "../../test/support/eventually.ts"
import { clientOf } from "../../test/support/httpClient.ts"
import type { Answer } from "../../test/support/httpClient.ts"
import { leftOf, spawnService } from "../../test/support/service.ts"
import type { Service } from "../../test/support/service.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"
import { seal } from "../streams/envelope.ts"

const main = fileURLToPath(new URL("../main.ts", import.meta.url))
const folder = temporaryFolders()
const token = "operators-token"
const secretIssuer = "an issuer that no log may hold"

let service: Service
let url = ""
let sql: postgres.Sql

beforeAll(async () => {
  const dataDir = await folder()
  service = spawnService({ args: ["serve"], env: { DATA_DIR: dataDir, ADMIN_TOKEN: token, LOG_LEVEL: "debug" } })
  url = await service.ready
  const port = fs.readFileSync(path.join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[3]
  const password = fs.readFileSync(path.join(dataDir, "postgres-password"), "utf8").trim()
  sql = postgres(`postgres://tipstream:${password}@127.0.0.1:${port}/tipstream`, { max: 2, onnotice: () => {} })
}, 60_000)

afterAll(async () => {
  await sql?.end()
  const family = service.family()
  await service.stop()
  expect(await leftOf(family)).toEqual([])
  expect(service.output()).not.toContain(secretIssuer)
})

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Only with the permissions that the command needs. */
const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Promise<Ran> => {
  const deno = "deno" in process.versions
    ? ["run", "--no-prompt", "--allow-read", "--allow-env", "--allow-net=127.0.0.1", "--allow-sys=hostname"]
    : []
  const child = spawn(process.execPath, [...deno, main, "dead-letters", ...args], {
    env: { ...process.env, NATS_URL: "", DATABASE_URL: "", PORT: new URL(url).port, ADMIN_TOKEN: token, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 30_000,
  })
  let [out, err] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => out += text)
  child.stderr.setEncoding("utf8").on("data", (text: string) => err += text)
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })))
}

const json = async (args: ReadonlyArray<string>) => {
  const { out, err } = await run([...args, "--json"])
  if (out === "") throw new Error(err)
  return JSON.parse(out)
}

const admin = (method: string, route: string, body?: unknown): Promise<Answer> =>
  clientOf(url).call(method, `/v1/admin/dead-letters${route}`, {
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { json: body }),
  })

/** On the log goes what the projector cannot read; the id of its letter. */
const undecodable = async (id: string): Promise<number> => {
  const headers = { "content-type": "application/protobuf", "Nats-Msg-Id": id }
  await sql`INSERT INTO outbox (event_id, stream, partition, subject, headers, payload, appended_at_ms)
    VALUES (${id}, 'SIGNALS', 0, 'tenant.default.signals.task.appeared.00.u1', ${sql.json(headers)},
      ${Buffer.from([0xff, 0xff])}, ${Date.now()})`
  return letterOf(id)
}

const letterOf = (messageId: string): Promise<number> =>
  eventually(`a letter of ${messageId}`, async () => {
    const [row] = await sql<[{ id: string }?]>`SELECT id FROM dead_letters WHERE message_id = ${messageId}`
    return row === undefined ? undefined : Number(row.id)
  })

/** One that can be read, as a handler that failed would leave it. */
const readable = async (id: string): Promise<number> => {
  const event = accountOpened(
    { id, atMs: 0, correlationId: "c", tenantId: defaultTenant, userId: UserId.make("u1") },
    { issuer: secretIssuer },
  )
  const { stream, subject, headers, payload } = seal(event, 8)
  await sql`
    INSERT INTO dead_letters
      (durable, stream, sequence, subject, message_id, headers, payload, reason, detail, attempts, died_at_ms)
    VALUES ('test', ${stream}, 1, ${subject}, ${id}, ${sql.json(headers)}, ${Buffer.from(payload)},
      'attempts-exhausted', ${"Boom\u001b[2J"}, 5, 0)`
  return letterOf(id)
}

describe("tipstream dead-letters", () => {
  it("lists, shows, sends again and drops, on the database that is the service's own", async () => {
    const id = await undecodable("broken-1")
    const listed = await run(["list"])
    expect(listed).toMatchObject({ code: 0, err: "" })
    const row = new RegExp(
      `^${id} +\\d+s +recommender_project_candidates +SIGNALS#1 +undecodable +1 +open +its bytes`,
      "m",
    )
    expect(listed.out).toMatch(row)

    const shown = await run(["show", String(id)])
    expect(shown.out).toMatch(/^subject +tenant\.default\.signals\.task\.appeared\.00\.u1$/m)
    expect(shown.out).toContain("  Nats-Msg-Id: broken-1")
    expect(shown.out).toContain("  base64 //8=")

    const dry = await run(["redrive", "--id", String(id), "--dry-run"])
    expect(dry.out).toContain(`letter ${id}: would be sent again as broken-1:redrive:1`)
    expect((await json(["list"])).deadLetters).toHaveLength(1)

    const redriven = await run(["redrive", "--durable", "recommender_project_candidates"])
    expect(redriven).toMatchObject({
      code: 0,
      out: expect.stringContaining(`letter ${id}: sent again as broken-1:redrive:1`),
    })
    const again = await letterOf("broken-1:redrive:1")
    const all = await json(["list", "--state", "any", "--stream", "SIGNALS"])
    expect(all.deadLetters).toMatchObject([{ id: again, state: "open" }, { id, state: "redriven", redrives: 1 }])

    const second = await run(["redrive", "--id", String(id), "--id", String(again), "--json"])
    expect(second.code).toBe(1)
    expect(JSON.parse(second.out)).toEqual({
      redriven: [{ id: again, messageId: "broken-1:redrive:2" }],
      refused: [{ id, problem: "it was sent again before" }],
      dryRun: false,
    })
    const last = await letterOf("broken-1:redrive:2")
    expect((await run(["drop", "--id", String(last), "--dry-run"])).out).toContain(`letter ${last}: would be dropped`)
    expect((await run(["drop", "--since", "1h"])).out).toContain(`letter ${last}: dropped`)
    expect((await run(["list"])).out).toBe("no dead letters\n")
  }, 60_000)

  it("shows what was in a letter that can be read, and lets it command no terminal", async () => {
    const id = await readable("01975a2e-0000-7000-8000-00000000000a")
    const shown = await run(["show", String(id)])
    expect(shown.out).toContain(`"issuer": "${secretIssuer}"`)
    expect(shown.out).not.toContain("\u001b")
    expect((await json(["show", String(id)])).event).toMatchObject({ accountOpened: { issuer: secretIssuer } })
    const listed = await run(["list", "--user", "u1", "--until", "1970-01-02T00:00:00Z"])
    expect(listed.out).toMatch(/ ACCOUNTS#1 +attempts-exhausted +5 +open +Boom/)
    expect((await json(["drop", "--reason", "attempts-exhausted"])).dropped).toEqual([id])
  }, 30_000)

  it("says in one line what is wrong", async () => {
    const one = async (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>) => {
      const { code, err } = await run(args, env)
      expect([args, code]).toEqual([args, 1])
      return err
    }
    expect(await one(["drop"])).toBe("tipstream: name letters with --id, or another condition, or say --all\n")
    expect(await one(["show", "987654"])).toBe("tipstream: There is no such dead letter\n")
    expect(await one(["list"], { PORT: "1" })).toMatch(
      /^tipstream: no tipstream answers at http:\/\/127\.0\.0\.1:1: [^\n]*\n$/,
    )
    expect(await one(["list", "--url", "http://user:secret@127.0.0.1:1"])).not.toContain("secret")
    expect(await one(["list"], { ADMIN_TOKEN: "wrong" })).toContain("another ADMIN_TOKEN")
    expect(await one(["list"], { ADMIN_TOKEN: "" })).toContain("wants its ADMIN_TOKEN")
    expect(await one(["list"], { PORT: "0" })).toContain("say with --url")
    expect(await one(["list", "--since", "1h", "--until", "2h"])).toContain("`since` must lie before `until`")
    for (const flag of ["--since", "--until"]) {
      expect(await one(["list", flag, "yesterday"])).toBe(
        `tipstream: ${flag}: expected 30m, 2h or 7d (ago), or RFC 3339 as 2026-11-20T08:00:00Z\n`,
      )
    }
    expect(await one(["list", "--limit", "-5"])).toBe("tipstream: --limit: expected a whole number from 1 to 100\n")
    expect(await one(["drop", "--all", "--limit", "1001"])).toBe(
      "tipstream: --limit: expected a whole number from 1 to 1000\n",
    )
    expect(await one(["list", "--before", "-1"])).toBe("tipstream: --before: expected the id of a letter, from 1\n")
    expect(await one(["redrive", "--id", "0"])).toBe("tipstream: --id: expected the id of a letter, from 1\n")
    const unknown = await run(["drop", "--id", "987654"])
    expect(unknown).toMatchObject({ code: 1, err: "tipstream: 1 of the letters cannot be dropped\n" })
    expect(unknown.out).toContain("letter 987654: refused, there is no such open letter\n")
  }, 60_000)
})

describe("/v1/admin/dead-letters", () => {
  it("pages, and refuses what says nothing or is not known", async () => {
    const ids = [await undecodable("page-1"), await undecodable("page-2"), await undecodable("page-3")]
    const first = (await admin("GET", "?limit=2")).json<{ deadLetters: Array<{ id: number }>; next: number }>()
    expect(first.deadLetters.map(({ id }) => id)).toEqual([ids[2], ids[1]])
    const rest = (await admin("GET", `?limit=2&before=${first.next}`)).json<{ deadLetters: Array<{ id: number }> }>()
    expect(rest).toMatchObject({ deadLetters: [{ id: ids[0] }], next: null })
    for (const action of ["redrive", "drop"]) {
      const empty = await admin("POST", `/${action}`, { dryRun: true })
      expect([empty.status, empty.code]).toEqual([422, "FILTER_REFUSED"])
      for (const wrong of [{ id: 1 }, { ids: [] }, { ids: [0] }, { all: true, limit: 1_001 }, { reason: "none" }]) {
        expect([wrong, (await admin("POST", `/${action}`, wrong)).code]).toEqual([wrong, "INVALID_REQUEST"])
      }
    }
    for (const filter of ["durable", "stream", "tenant", "user"]) {
      expect([filter, (await admin("GET", `?${filter}=%00`)).code]).toEqual([filter, "INVALID_REQUEST"])
      expect((await admin("POST", "/drop", { [filter]: "a\u0000b" })).code).toBe("INVALID_REQUEST")
    }
    expect((await admin("GET", "/99999999")).code).toBe("DEAD_LETTER_UNKNOWN")
    expect((await admin("GET", "/x")).code).toBe("INVALID_REQUEST")
    expect((await clientOf(url).call("POST", "/v1/admin/dead-letters/drop", { json: { all: true } })).status).toBe(401)
    expect((await admin("POST", "/drop", { all: true, limit: 2 })).json()).toEqual({
      dropped: ids.slice(0, 2),
      dryRun: false,
    })
    expect(service.output()).toContain("dead letters: 2 dropped")
    expect((await admin("POST", "/drop", { ids })).json()).toEqual({ dropped: [ids[2]], dryRun: false })
  }, 30_000)
})
