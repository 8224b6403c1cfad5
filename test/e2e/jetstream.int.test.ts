/** The service with its event log on a real NATS server, as people set it up: `NATS_URL`, and nothing else. */
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import postgres from "postgres"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { runSimulator } from "../../simulator/runSimulator.ts"
import type { Simulator } from "../../simulator/runSimulator.ts"
import { streamNames } from "../../src/streams/names.ts"
import { eventually } from "../support/eventually.ts"
import { eventsOf, learned } from "../support/eventRows.ts"
import { startNats } from "../support/nats.ts"
import type { NatsServer } from "../support/nats.ts"
import { createDatabase } from "../support/postgres.ts"
import type { TestDatabase } from "../support/postgres.ts"
import { spawnService } from "../support/service.ts"
import type { Service } from "../support/service.ts"
import { temporaryFolders } from "../support/temporaryFolder.ts"
import { demoToken, newUserIn, signInDemo, userAt } from "../support/world.ts"
import type { User } from "../support/world.ts"

interface Health {
  readonly status: string
  readonly ready: boolean
  readonly problems: ReadonlyArray<string>
  readonly log: string
  readonly database: string
  readonly waiting: number
  readonly consumers: ReadonlyArray<{ readonly durable: string; readonly lag: number }>
}

const folder = temporaryFolders()
let nats: NatsServer
let database: TestDatabase
let sql: postgres.Sql
let simulator: Simulator
let dataDir = ""
let running: ReadonlyArray<Service> = []

beforeAll(async () => {
  nats = await startNats({ program: inject("natsServer") })
  database = await createDatabase()
  sql = postgres(database.url, { max: 2, onnotice: () => {} })
  simulator = await runSimulator({ port: 0, token: demoToken, timeZone: "UTC" })
  dataDir = await folder()
})
afterAll(async () => {
  for (const service of running) await service.kill()
  await simulator.close()
  await sql.end({ timeout: 5 })
  await database.drop()
  await nats.remove()
})

const settings = () => ({
  DATABASE_URL: database.url,
  DATA_DIR: dataDir,
  TODOIST_BASE_URL: simulator.url,
  TODOIST_TOKEN: simulator.token,
})
const onNats = () => ({ ...settings(), NATS_URL: nats.url, NATS_WAIT_MS: "0" })

const start = (env: Readonly<Record<string, string>>): Service => {
  const service = spawnService({ env })
  running = [...running, service]
  return service
}

const get = async (url: string, path: string) => {
  const answer = await fetch(new URL(path, url))
  return { status: answer.status, body: await answer.json() as Health }
}

const answerSome = async (user: User, count: number): Promise<void> => {
  for (let index = 0; index < count; index++) {
    const tip = await user.tip()
    const answer = await user.react(tip.id, ["dismiss", "done", "save"][index % 3]!)
    if (answer.status !== 200) throw new Error(`refused: ${answer.text}`)
  }
}

/** Sequence and id of all that a stream of the broker holds. */
const stored = async (stream: string): Promise<ReadonlyArray<readonly [sequence: number, id: string]>> => {
  const connection = await connect({ servers: nats.url })
  try {
    const manager = await jetstreamManager(connection)
    const { state } = await manager.streams.info(stream)
    const messages: Array<readonly [number, string]> = []
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(stream, { seq })
      if (message !== null) messages.push([seq, message.header.get("Nats-Msg-Id")])
    }
    return messages
  } finally {
    await connection.close()
  }
}

/** The log as the outbox numbered it is the log as the broker holds it. */
const expectSame = async (): Promise<void> => {
  for (const stream of streamNames) {
    const kept = (await eventsOf(sql, stream)).map(({ sequence, envelope }) => [sequence, envelope.id])
    expect(await stored(stream), stream).toEqual(kept)
    expect(kept.map(([sequence]) => sequence), stream).toEqual(kept.map((_, index) => index + 1))
  }
}

const quiet = (url: string) =>
  eventually("nothing waits and nobody is behind", async () => {
    const { status, body } = await get(url, "/ready")
    return status === 200 && body.waiting === 0 && body.consumers.every(({ lag }) => lag === 0) ? body : undefined
  }, 40_000)

describe("an installation that moves from the embedded log to NATS", () => {
  let before = 0
  let user: User

  it("takes all that happened along, under the same numbers, and learns on", async () => {
    const first = start(settings())
    const embedded = await first.ready
    const demo = await signInDemo(embedded)
    await answerSome(demo, 6)
    before = await learned(sql)
    expect(before).toBe(6)
    expect((await first.stop()).code).toBe(0)

    const second = start(onNats())
    const url = await second.ready
    user = userAt(url, demo)
    expect(await quiet(url)).toMatchObject({ log: "jetstream", status: "ok", problems: [] })
    await answerSome(user, 3)
    expect(await learned(sql)).toBe(before + 3)
    await quiet(url)
    await expectSame()
    const [state] = await sql`SELECT updates FROM policy_states`
    expect(Number(state!["updates"])).toBe(before + 3)
  }, 90_000)

  it("cannot go back by accident", async () => {
    await running.at(-1)!.stop()
    const back = start(settings())
    expect((await back.ended).code).toBe(1)
    expect(back.output()).toMatch(/NATS_URL/)
  }, 60_000)

  it("serves tips while the broker is gone, says so, and catches up when it is back", async () => {
    const url = await start(onNats()).ready
    user = userAt(url, user)
    await quiet(url)
    const done = (await eventsOf(sql, "FEEDBACK")).length
    await nats.kill()
    for (let index = 0; index < 4; index++) {
      const tip = await user.tip()
      expect((await user.react(tip.id, "dismiss")).status).toBe(200)
    }
    const down = await eventually("it is not ready", async () => {
      const { status } = await get(url, "/ready")
      const health = await get(url, "/health")
      return status === 503 && health.body.waiting >= 4 ? health : undefined
    })
    expect(down.status).toBe(200)
    expect(down.body).toMatchObject({ status: "degraded", ready: false, log: "jetstream" })
    expect(down.body.problems.join()).toMatch(/NATS/)
    await nats.start()
    await quiet(url)
    expect(await learned(sql)).toBe(done + 4)
    await expectSame()
  }, 90_000)

  it("a broker that answers nothing is named, and not the database, and not at the first hiccup", async () => {
    const { url } = user
    await quiet(url)
    nats.freeze()
    try {
      expect(await get(url, "/ready")).toMatchObject({ status: 200, body: { database: "up" } })
      const down = await eventually("it is not ready", async () => {
        const answer = await get(url, "/ready")
        return answer.status === 503 ? (await get(url, "/health")).body : undefined
      }, 30_000)
      expect(down).toMatchObject({
        ready: false,
        database: "up",
        problems: [expect.stringMatching(/^NATS at .* does not answer/)],
      })
      expect(down.consumers.length).toBe(2)
    } finally {
      nats.thaw()
    }
    await quiet(url)
  }, 90_000)

  it("goes on in another process when one is killed, with no effect lost or doubled", async () => {
    const url = await start(onNats()).ready
    await quiet(url)
    const done = (await eventsOf(sql, "FEEDBACK")).length
    const other = await newUserIn(sql, url)
    expect((await other.call("POST", "/v1/connectors/todoist", { json: { token: demoToken } })).status).toBe(200)
    await answerSome(other, 3)
    await running.at(-2)!.kill()
    await answerSome(other, 3)
    await quiet(url)
    expect(await learned(sql)).toBe(done + 6)
    const [state] = await sql`SELECT updates, position FROM policy_states`
    expect(Number(state!["updates"])).toBe(Number(state!["position"]))
    await expectSame()
  }, 90_000)

  it("another installation on the same server is refused: they would handle each other's events", async () => {
    const other = await createDatabase()
    try {
      const service = start({ ...onNats(), DATABASE_URL: other.url, DATA_DIR: await folder() })
      expect((await service.ended).code).toBe(1)
      expect(service.errors()).toMatch(/NATS_URL: \w+ there holds events that this database knows nothing of/)
    } finally {
      await other.drop()
    }
  }, 60_000)

  it("a start without the broker ends at once, and says where it looked", async () => {
    for (const service of running) await service.stop()
    await nats.stop()
    const service = start(onNats())
    expect((await service.ended).code).toBe(1)
    expect(service.errors()).toContain("NATS_URL")
    expect(service.errors()).toContain(`127.0.0.1:${nats.port}`)
  }, 60_000)
})
