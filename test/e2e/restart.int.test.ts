import fs from "node:fs"
import path from "node:path"
import postgres from "postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runSimulator } from "../../simulator/runSimulator.ts"
import type { Simulator } from "../../simulator/runSimulator.ts"
import { completeActId } from "../../src/recommender/Feedback.ts"
import { streamNames } from "../../src/streams/names.ts"
import { eventually } from "../support/eventually.ts"
import { eventsOf, learned } from "../support/eventRows.ts"
import { leftOf, spawnService } from "../support/service.ts"
import type { Service } from "../support/service.ts"
import { temporaryFolders } from "../support/temporaryFolder.ts"
import { controlOf, newUserIn, userAt } from "../support/world.ts"
import type { Recommendation, SimulatorControl, Tip, User } from "../support/world.ts"
import { stateAt } from "./replay.ts"

interface Said {
  readonly tip: Tip
  readonly reaction: string
  readonly key: string
}

/** A user who answers tip after tip: what was asked for, and what was answered, kept apart. */
interface Stream {
  readonly token: string
  readonly user: User
  readonly served: Array<Tip>
  readonly said: Array<Said>
  /** Keys of those whose answer came. */
  readonly confirmed: Set<string>
}

const reactions = ["done", "dismiss", "done", "save", "snooze", "done", "acknowledge"]
const usersMax = 4
/** So many reactions are answered before the service is killed, with requests of every user under way. */
const confirmedBeforeKill = 40

const folder = temporaryFolders()
let dataDir = ""
let simulator: Simulator
let todoist: SimulatorControl
let service: Service
let url = ""
let sql: postgres.Sql
let streams: ReadonlyArray<Stream> = []

/** To the embedded server, as the service reaches it. */
const connect = (): postgres.Sql => {
  const port = fs.readFileSync(path.join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[3]
  const password = fs.readFileSync(path.join(dataDir, "postgres-password"), "utf8").trim()
  return postgres(`postgres://tipstream:${password}@127.0.0.1:${port}/tipstream`, { max: 2, onnotice: () => {} })
}

const start = async (): Promise<void> => {
  service = spawnService({
    env: { DATA_DIR: dataDir, TODOIST_BASE_URL: simulator.url, TODOIST_TOKEN: simulator.token },
  })
  url = await service.ready
  sql = connect()
}

/** Tip after tip until `isOver`, or until the service is gone. */
const goOn = async (stream: Stream, isOver: () => boolean): Promise<void> => {
  const user = userAt(url, stream.user)
  try {
    while (!isOver()) {
      const tip = await user.tip()
      stream.served.push(tip)
      const reaction = reactions[stream.said.length % reactions.length]!
      const key = `${stream.token}/${stream.said.length}`
      stream.said.push({ tip, reaction, key })
      const answer = await user.react(tip.id, reaction, {}, { "idempotency-key": key })
      if (answer.status !== 200) throw new Error(`refused: ${answer.text}`)
      stream.confirmed.add(key)
    }
  } catch (error) {
    // Cut off by the kill; a refusal is no such thing.
    if ((error as Error).message.startsWith("refused")) throw error
  }
}

const confirmedCount = () => streams.reduce((sum, { confirmed }) => sum + confirmed.size, 0)

/** Kills the service while all users are at it, and shows that nothing of it goes on. */
const killInTheMiddle = async (): Promise<void> => {
  const family = service.family()
  expect(family.length).toBeGreaterThan(2)
  const end = confirmedCount() + confirmedBeforeKill
  let isKilled = false
  const going = streams.map((stream) => goOn(stream, () => isKilled))
  await eventually("enough is answered", async () => confirmedCount() >= end ? true : undefined)
  const killed = service.kill()
  await sql.end({ timeout: 1 })
  await killed
  isKilled = true
  await Promise.all(going)
  expect(await leftOf(family)).toEqual([])
}

/** Says again what no answer came to. */
const repeatUnconfirmed = async (): Promise<number> => {
  let repeated = 0
  for (const { user, said, confirmed } of streams) {
    for (const { tip, reaction, key } of said.filter((one) => !confirmed.has(one.key))) {
      const answer = await userAt(url, user).react(tip.id, reaction, {}, { "idempotency-key": key })
      expect([answer.status, answer.json()]).toMatchObject([200, { tipId: tip.id, state: reaction }])
      confirmed.add(key)
      repeated++
    }
  }
  return repeated
}

beforeAll(async () => {
  dataDir = await folder()
  simulator = await runSimulator({ port: 0, timeZone: "UTC" })
  todoist = controlOf(simulator.url)
  await start()
  streams = await Promise.all(Array.from({ length: usersMax }, async (_, index) => {
    const token = `stream-${index}`
    await todoist.account(token, 300)
    const user = await newUserIn(sql, url)
    const connected = await user.call("POST", "/v1/connectors/todoist", { json: { token } })
    if (connected.status !== 200) throw new Error(`not connected: ${connected.text}`)
    return { token, user, served: [], said: [], confirmed: new Set<string>() }
  }))
})
afterAll(async () => {
  const family = service.family()
  await sql.end({ timeout: 1 })
  const { code } = await service.stop()
  await simulator.close()
  expect([code, service.errors(), await leftOf(family)]).toEqual([0, "", []])
})

describe("killed in the middle of everything, twice, and started again", () => {
  it("comes up again on what it had, and finishes what was left open", async () => {
    for (let kills = 0; kills < 2; kills++) {
      await killInTheMiddle()
      await start()
      expect(service.output()).not.toContain("creating the embedded database")
      expect(await repeatUnconfirmed()).toBeLessThanOrEqual(usersMax)
    }
    expect(confirmedCount()).toBeGreaterThanOrEqual(2 * confirmedBeforeKill)
  }, 90_000)

  it("sessions outlive it", async () => {
    for (const { user } of streams) {
      const me = await userAt(url, user).call("GET", "/me")
      expect(me.json()).toMatchObject({ userId: user.userId })
    }
  })

  it("every tip that was served is in the history, with what was said to it", async () => {
    for (const { user, served, said } of streams) {
      const known = userAt(url, user)
      for (const { id } of served) {
        const expected = said.find(({ tip }) => tip.id === id)?.reaction ?? "open"
        expect((await known.call("GET", `/v1/tips/${id}`)).json()).toMatchObject({ tip: { id }, state: expected })
      }
    }
  })

  it("every reaction is recorded once, with one event", async () => {
    const rows = await sql<
      Array<{ readonly decision_id: string; readonly reaction: string; readonly event_id: string }>
    >`
      SELECT decision_id, reaction, event_id FROM reactions`
    const expected = streams.flatMap(({ said }) => said.map(({ tip, reaction }) => `${tip.id} ${reaction}`))
    expect(rows.map((row) => `${row.decision_id} ${row.reaction}`).sort()).toEqual(expected.toSorted())
    const events = (await eventsOf(sql, "FEEDBACK")).map(({ envelope }) => envelope.id)
    expect(events.toSorted()).toEqual(rows.map((row) => row.event_id).sort())
  })

  it("every decision has one event, and none is without its decision", async () => {
    const rows = await sql<Array<{ readonly decision_id: string }>>`SELECT decision_id FROM decisions`
    const events = (await eventsOf(sql, "DECISIONS")).map(({ envelope }) => envelope.id)
    expect(events.toSorted()).toEqual(rows.map((row) => row.decision_id).sort())
  })

  it("every stream is numbered without a gap, and every event is there once", async () => {
    const ids = new Set<string>()
    let count = 0
    for (const stream of streamNames) {
      const events = await eventsOf(sql, stream)
      expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
      for (const { envelope } of events) ids.add(envelope.id)
      count += events.length
    }
    expect(ids.size).toBe(count)
  })

  it("every task that was done is closed in Todoist once, and nothing else is", async () => {
    for (const { token, said } of streams) {
      const done = said.filter(({ tip, reaction }) => reaction === "done" && tip.kind === "todo")
      const expected = done.map(({ tip }) => completeActId(tip.id)).toSorted()
      const commands = await eventually("all of them are closed", async () => {
        const found = (await todoist.ledger(token)).commands
        return found.length >= expected.length ? found : undefined
      })
      expect(commands.map(({ uuid }) => uuid).sort()).toEqual(expected)
      expect(commands.filter(({ executed, status }) => executed !== 1 || status !== "ok")).toEqual([])
    }
  })

  it("the learner has learned from every reaction once, in order", async () => {
    const position = await learned(sql)
    const [decisions, feedback] = [await eventsOf(sql, "DECISIONS"), await eventsOf(sql, "FEEDBACK")]
    const expected = stateAt(position, decisions, feedback)
    const [state] = await sql`SELECT position::integer, updates::integer, hash FROM policy_states`
    expect(state).toEqual({ position: feedback.length, updates: feedback.length, hash: expected.model.hash() })
  })

  it("consumers have gone on from where they were to the end, and gave nothing up", async () => {
    const { consumers } = await eventually("nobody is behind", async () => {
      const log = (await userAt(url, streams[0]!.user).call("GET", "/v1/admin/log"))
        .json<{ readonly consumers: ReadonlyArray<{ readonly lag: number; readonly inFlight: number }> }>()
      return log.consumers.every(({ lag, inFlight }) => lag === 0 && inFlight === 0) ? log : undefined
    })
    expect(consumers).toHaveLength(2)
    expect(await sql`SELECT durable, sequence, reason FROM dead_letters`).toEqual([])
    const behind = await sql`SELECT 1 FROM lanes JOIN streams USING (stream) WHERE cursor > last_sequence`
    expect(behind).toEqual([])
  })

  it("what is known of each user's tasks is what Todoist has", async () => {
    for (const { token, user } of streams) {
      const synced = await userAt(url, user).call("POST", "/v1/connectors/todoist/sync")
      expect(synced.status).toBe(200)
      const open = await todoist.openTaskIds(token)
      const known = await eventually("the candidates are the open tasks", async () => {
        const rows = await sql<Array<{ readonly id: string }>>`
          SELECT replace(candidate_id, 'todoist:', '') AS id FROM candidates WHERE user_id = ${user.userId}`
        return rows.length === open.length ? rows : undefined
      })
      expect(known.map(({ id }) => id).sort()).toEqual(open.toSorted())
    }
  })

  it("and the next tip is served", async () => {
    for (const { user } of streams) {
      const answer = await userAt(url, user).call("POST", "/v1/recommend")
      expect(answer.json<Recommendation>().tip).not.toBeNull()
    }
  })
})

describe("killed before Todoist was told", () => {
  it("a done is carried out after the next start, long before the next regular sync", async () => {
    const { token, user } = streams[0]!
    const known = userAt(url, user)
    const tip = await eventually("a task is recommended", async () => {
      const found = await known.tip()
      return found.kind === "todo" ? found : undefined
    })
    await todoist.addFaults([{ fault: "slow", delayMs: 60_000, on: "read", token }])
    // The actor waits for this one's answer and does not get to what comes after it.
    const sync = known.call("POST", "/v1/connectors/todoist/sync").catch(() => "cut off")
    await todoist.met("slow")
    expect((await known.react(tip.id, "done")).status).toBe(200)
    await sql.end({ timeout: 1 })
    await service.kill()
    expect(await sync).toBe("cut off")
    const closed = async () => (await todoist.ledger(token)).commands.find(({ uuid }) => uuid === completeActId(tip.id))
    expect(await closed()).toBeUndefined()
    await start()
    expect(await eventually("the task is closed", closed)).toMatchObject({ status: "ok", executed: 1 })
  }, 60_000)
})
