import { beforeAll, describe, expect, it } from "vitest"
import { completeActId } from "../../src/recommender/Feedback.ts"
import { eventually } from "../support/eventually.ts"
import { eventsOf, learned, servedEvent } from "../support/eventRows.ts"
import { demoToken, worldOfFile } from "../support/world.ts"
import type { Recommendation, Tip, User } from "../support/world.ts"
import { recompute } from "./replay.ts"

interface PastTip {
  readonly tip: Tip
  readonly state: string
  readonly reactedAt: string | null
  readonly propensity: number
  readonly considered: number
}

interface Page {
  readonly tips: ReadonlyArray<PastTip>
  readonly next: string | null
}

interface LogState {
  readonly streams: ReadonlyArray<{ readonly stream: string; readonly lastSequence: number }>
  readonly consumers: ReadonlyArray<{ readonly durable: string; readonly lag: number }>
}

const world = worldOfFile()
let user: User
beforeAll(async () => {
  user = await world.demoUser()
})

const candidateIds = async (tipId: string): Promise<ReadonlyArray<string>> =>
  (await servedEvent(world.sql, tipId)).candidates.map(({ candidateId }) => candidateId)

/** Recommends until it is about a task: one decision in ten explores, and may serve an advice. */
const todo = (of: User): Promise<Tip> =>
  eventually("a task is recommended", async () => {
    const tip = await of.tip()
    return tip.kind === "todo" ? tip : undefined
  })

/** Whether the candidate of the tip could be chosen now: looked up in the record, not left to chance. */
const isEligible = async (of: User, { meta: { candidateId } }: Tip): Promise<boolean> =>
  (await candidateIds((await of.tip()).id)).includes(candidateId)

/** A user with the advice library and nothing else. */
const adviceUser = () => world.newUser()

describe("from sign-in to a better tip", () => {
  it("the tip that waits for the demo user was chosen with the tasks in sight", async () => {
    const [first] = await eventsOf(world.sql, "DECISIONS")
    const candidates = await candidateIds(first?.envelope.id ?? "")
    expect(candidates.some((candidateId) => candidateId.startsWith("todoist:"))).toBe(true)
  })

  it("a tip is served in the shape of the contract, with its reasons and an honest probability", async () => {
    const answer = await user.call("POST", "/v1/recommend")
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"])
    const { tip, servedAt, dataAgeMs, policy, propensity, ...rest } = answer.json<Recommendation>()
    expect(rest).toEqual({})
    expect(Object.keys(tip ?? {}).sort()).toEqual(["body", "deepLink", "id", "kind", "meta", "source", "title"])
    expect(tip?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
    expect(tip?.title).not.toBe("")
    expect(tip?.meta.why.length).toBeGreaterThan(0)
    expect(Date.parse(tip?.meta.expiresAt ?? "") - Date.parse(servedAt)).toBe(4 * 3_600_000)
    expect(dataAgeMs).toBeGreaterThanOrEqual(0)
    expect(policy).toBe("epsilon-greedy")
    expect(propensity).toBeGreaterThan(0)
    expect(propensity).toBeLessThanOrEqual(1)
  })

  it("done closes the task in Todoist once, under its decision's id, and it is not recommended again", async () => {
    const tip = await todo(user)
    const answer = await user.react(tip.id, "done")
    expect([answer.status, answer.json()]).toEqual([200, { tipId: tip.id, state: "done", recorded: true }])
    const taskId = tip.meta.candidateId.replace("todoist:", "")
    const commands = await eventually("the task is closed", async () => {
      const found = (await world.simulator.ledger(demoToken)).commands.filter((command) => command.taskId === taskId)
      return found.length === 0 ? undefined : found
    })
    expect(commands).toEqual([
      expect.objectContaining({ type: "item_close", uuid: completeActId(tip.id), status: "ok", executed: 1 }),
    ])
    expect(await isEligible(user, tip)).toBe(false)
    await eventually("the act is settled", async () => {
      const [act] = await world.sql`SELECT outcome FROM acts WHERE act_id = ${completeActId(tip.id)}`
      return act?.["outcome"] === "done" ? true : undefined
    })
    const after = await user.call("POST", "/v1/connectors/todoist/sync")
    expect(after.status).toBe(200)
    const { executions } = await world.simulator.ledger(demoToken)
    expect(executions[taskId]).toEqual({ item_close: 1 })
    expect(await isEligible(user, tip)).toBe(false)
  })

  it.each(["snooze", "dismiss"])("after %s the task is not recommended, until an undo brings it back", async (said) => {
    const tip = await todo(user)
    expect((await user.react(tip.id, said)).json()).toEqual({ tipId: tip.id, state: said, recorded: true })
    expect(await isEligible(user, tip)).toBe(false)
    expect((await user.react(tip.id, "undo")).json()).toEqual({ tipId: tip.id, state: "open", recorded: true })
    expect(await isEligible(user, tip)).toBe(true)
    expect((await user.react(tip.id, "dismiss")).json()).toMatchObject({ state: "dismiss", recorded: true })
    expect(await isEligible(user, tip)).toBe(false)
  })

  it("a snooze until an instant holds until then", async () => {
    const tip = await todo(user)
    const until = Date.now() + 3_600_000
    await user.react(tip.id, "snooze", { snoozeUntil: new Date(until).toISOString() })
    const [sleep] = await world.sql`SELECT until_ms FROM sleeps WHERE decision_id = ${tip.id}`
    expect(Number(sleep?.["until_ms"])).toBe(until)
  })

  it.each(["acknowledge", "save", "done"])("%s on an advice is taken, and asks nothing of Todoist", async (said) => {
    const other = await adviceUser()
    const tip = await other.tip()
    expect([tip.kind, tip.source, tip.deepLink]).toEqual(["advice", "library", null])
    expect((await other.react(tip.id, said)).json()).toEqual({ tipId: tip.id, state: said, recorded: true })
    expect(await isEligible(other, tip)).toBe(false)
    const acts = await world.sql`SELECT 1 FROM acts WHERE user_id = ${other.userId}`
    expect(acts).toHaveLength(0)
  })

  it("with nothing left to say the answer is empty, and says why", async () => {
    const other = await adviceUser()
    const library = (await candidateIds((await other.tip()).id)).length
    for (let said = 0; said < library; said++) await other.react((await other.tip()).id, "dismiss")
    const answer = await other.call("POST", "/v1/recommend")
    expect(answer.status).toBe(200)
    expect(answer.json()).toMatchObject({ tip: null, reason: "not-connected", propensity: null, dataAgeMs: null })
  })
})

describe("saying it twice", () => {
  it("the same reaction again changes nothing and says so", async () => {
    const other = await adviceUser()
    const { id } = await other.tip()
    await other.react(id, "dismiss")
    expect((await other.react(id, "dismiss")).json()).toEqual({ tipId: id, state: "dismiss", recorded: false })
    expect(await world.sql`SELECT 1 FROM reactions WHERE decision_id = ${id}`).toHaveLength(1)
  })

  it("a repeated Idempotency-Key is answered as the first time, though the tip has moved on since", async () => {
    const other = await adviceUser()
    const { id } = await other.tip()
    const key = { "idempotency-key": "the first press" }
    const first = await other.react(id, "dismiss", {}, key)
    await other.react(id, "undo")
    const again = await other.react(id, "dismiss", {}, key)
    expect([again.status, again.json()]).toEqual([first.status, first.json()])
    expect((await other.call("GET", `/v1/tips/${id}`)).json()).toMatchObject({ state: "open" })
  })

  it("twenty at the same time are one", async () => {
    const other = await adviceUser()
    const { id } = await other.tip()
    const answers = await Promise.all(Array.from({ length: 20 }, () => other.react(id, "save")))
    const bodies = answers.map((answer) => answer.json<{ readonly recorded: boolean }>())
    expect(bodies.filter(({ recorded }) => recorded)).toHaveLength(1)
    expect(await world.sql`SELECT 1 FROM reactions WHERE decision_id = ${id}`).toHaveLength(1)
  })
})

describe("learning", () => {
  it("a reaction moves the learner, and the next decision names the state that knows it", async () => {
    const tip = await todo(user)
    await user.react(tip.id, "acknowledge")
    const position = await learned(world.sql)
    const log = (await world.anonymous().call("GET", "/v1/admin/log")).json<LogState>()
    expect(log.consumers.find(({ durable }) => durable === "recommender_learn")?.lag).toBe(0)
    expect(log.streams.find(({ stream }) => stream === "FEEDBACK")?.lastSequence).toBe(position)
    const served = await eventually("a decision by the new state", async () => {
      const event = await servedEvent(world.sql, (await user.tip()).id)
      return Number(event.statePosition) >= position ? event : undefined
    })
    const [state] = await world.sql`SELECT position, hash FROM policy_states`
    expect([Number(served.statePosition), served.stateHash]).toEqual([Number(state?.["position"]), state?.["hash"]])
  })

  it("every decision holds what it was chosen from, and comes out the same when computed again", async () => {
    const decisions = await eventsOf(world.sql, "DECISIONS")
    const feedback = await eventsOf(world.sql, "FEEDBACK")
    const positions = new Set<number>()
    for (const { envelope: { payload } } of decisions) {
      if (payload.case !== "tipServed") continue
      const served = payload.value
      const { choice, stateHash } = recompute(served, decisions, feedback)
      const probabilities = served.candidates.map(({ probability }) => probability)
      expect(probabilities.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 12)
      expect(Array.from(choice.probabilities)).toEqual(probabilities)
      expect(Array.from(choice.features)).toEqual(served.candidates.flatMap(({ features }) => features))
      expect([choice.chosenIndex, stateHash]).toEqual([served.chosenIndex, served.stateHash])
      const [row] = await world.sql`SELECT candidate_id, propensity, considered, state_position FROM decisions
        WHERE decision_id = ${served.decisionId}`
      expect(row).toMatchObject({
        candidate_id: served.candidates[served.chosenIndex]?.candidateId,
        propensity: choice.propensity,
        considered: served.candidates.length,
        state_position: String(served.statePosition),
      })
      positions.add(Number(served.statePosition))
    }
    expect(positions).toContain(0)
    expect(positions.size).toBeGreaterThan(3)
  })

  it("the candidates of a decision are all that were eligible", async () => {
    const other = await adviceUser()
    const { id } = await other.tip()
    expect(await candidateIds(id)).toHaveLength(12)
    await world.simulator.account("few-tasks", 5)
    const connected = await other.call("POST", "/v1/connectors/todoist", { json: { token: "few-tasks" } })
    expect(connected.json()).toEqual({ status: "connected", tasks: 5 })
    const ids = await eventually("the tasks are candidates", async () => {
      const found = await candidateIds((await other.tip()).id)
      return found.length > 12 ? found : undefined
    })
    const rows = await world.sql`SELECT candidate_id FROM candidates WHERE user_id = ${other.userId}`
    expect(ids.filter((candidateId) => candidateId.startsWith("todoist:")))
      .toEqual(rows.map((row) => row["candidate_id"]).sort())
  })
})

describe("history", () => {
  it("pages through every tip once, newest first, also those of one millisecond", async () => {
    const other = await adviceUser()
    const served = await Promise.all(Array.from({ length: 30 }, () => other.tip()))
    // A fast machine does this by itself, now and then.
    await world.sql`UPDATE decisions SET served_at_ms = served_at_ms / 5 * 5 WHERE user_id = ${other.userId}`
    const seen: Array<string> = []
    let before = ""
    for (let page = 0; page < 40; page++) {
      const answer = await other.call("GET", `/v1/tips?limit=4${before}`)
      const { tips, next } = answer.json<Page>()
      seen.push(...tips.map(({ tip }) => tip.id))
      if (next === null) break
      before = `&before=${encodeURIComponent(next)}`
    }
    expect(seen.toSorted()).toEqual(served.map(({ id }) => id).toSorted())
  })

  it("shows a tip with what was said to it and what it was chosen from", async () => {
    const other = await adviceUser()
    const tip = await other.tip()
    await other.react(tip.id, "save")
    const past = (await other.call("GET", `/v1/tips/${tip.id}`)).json<PastTip>()
    expect(past).toMatchObject({ tip, state: "save", considered: 12 })
    expect(Date.parse(past.reactedAt ?? "")).toBeGreaterThan(0)
  })
})

describe("two users", () => {
  it("one sees nothing of the other, and cannot answer for them", async () => {
    const [one, other] = await Promise.all([adviceUser(), adviceUser()])
    const { id } = await one.tip()
    expect((await other.call("GET", "/v1/tips")).json<Page>().tips).toEqual([])
    const asked = await other.call("GET", `/v1/tips/${id}`)
    const answered = await other.react(id, "dismiss")
    expect([asked.status, asked.code, answered.status, answered.code])
      .toEqual([404, "TIP_UNKNOWN", 404, "TIP_UNKNOWN"])
    expect((await one.call("GET", `/v1/tips/${id}`)).json()).toMatchObject({ state: "open" })
    expect((await other.call("GET", "/v1/connectors")).json()).toMatchObject({ connectors: [] })
  })

  it("one's dismissals do not reach the other's tips", async () => {
    const [one, other] = await Promise.all([adviceUser(), adviceUser()])
    const tip = await one.tip()
    await one.react(tip.id, "dismiss")
    expect(await isEligible(one, tip)).toBe(false)
    expect(await isEligible(other, tip)).toBe(true)
  })

  it("signing out ends the session at once", async () => {
    const other = await adviceUser()
    const sid = other.cookies.get("sid") ?? ""
    expect((await other.call("POST", "/logout")).status).toBe(204)
    expect(other.cookies.has("sid")).toBe(false)
    const answer = await world.anonymous().call("GET", "/me", { headers: { cookie: `sid=${sid}` } })
    expect([answer.status, answer.code]).toEqual([401, "UNAUTHENTICATED"])
  })
})
