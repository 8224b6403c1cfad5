/**
 * Carries out a load in this process. Benchmarks use load.ts, which gives the client a process of its own.
 */
import process from "node:process"
import { connect, type Connection, type Outcome } from "./httpConnections.ts"
import { checkPlan, encode, type LoadPlan, type LoadResult, tally } from "./loadPlan.ts"
import { preciseTimer } from "./preciseTimer.ts"

/** After the measured time, what is still in flight or waiting may end for this long; after that it has failed. */
const drainMs = 2_000

/** Monotonic and in fractions of a millisecond. */
const nowMs = () => performance.now()

/** Rejects when the server does not take the connections. */
export async function generateLoad(plan: LoadPlan): Promise<LoadResult> {
  checkPlan(plan)
  const { hostname, port } = new URL(plan.origin)
  const host = hostname.replace(/^\[|\]$/g, "")
  const opening = Array.from({ length: plan.connections }, () => connect(host, Number(port || 80)))
  const connections = await Promise.all(opening)
  try {
    return await (plan.ratePerSecond === undefined ? closedLoop(plan, connections) : openLoop(plan, connections))
  } finally {
    for (const connection of connections) connection.close()
  }
}

function failureOf(outcome: Outcome, expected: number): string | undefined {
  if ("failure" in outcome) return outcome.failure
  return outcome.status === expected ? undefined : `status ${outcome.status}`
}

/** Waits for what may never come; leaves no timer behind that would keep the process. */
async function atMost(ms: number, done: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  await Promise.race([done, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}

/** Counts what was answered in the measured time. */
async function closedLoop(plan: LoadPlan, connections: ReadonlyArray<Connection>): Promise<LoadResult> {
  const wire = plan.requests.map((request) => encode(plan.origin, request))
  const counts = tally(plan)
  const fromMs = nowMs() + plan.warmupMs
  const untilMs = fromMs + plan.durationMs
  const inFlight = new Map<Connection, number>()
  let next = 0
  let ended = false
  let finished = () => {}

  const sendOn = (connection: Connection) => {
    const sentMs = nowMs()
    if (sentMs >= untilMs || ended) {
      if (inFlight.size === 0) finished()
      return
    }
    inFlight.set(connection, sentMs)
    connection.send(wire[next++ % wire.length]!, (outcome) => {
      const doneMs = nowMs()
      inFlight.delete(connection)
      const failure = failureOf(outcome, plan.expectStatus)
      // By when the reply came: what the warm-up leaves in flight makes up for what is in flight at the end.
      if (!ended && doneMs >= fromMs && doneMs < untilMs) {
        if (failure === undefined) counts.succeeded(doneMs - sentMs)
        else counts.failed(failure)
      }
      // A server that refuses at once must not become a loop that starves everything else.
      if (failure === undefined) sendOn(connection)
      else setTimeout(sendOn, 1, connection)
    })
  }

  const done = new Promise<void>((resolve) => (finished = resolve))
  for (const connection of connections) sendOn(connection)
  await atMost(untilMs - nowMs() + drainMs, done)
  ended = true
  for (const sentMs of inFlight.values()) counts.failed("no reply", nowMs() - sentMs)
  return counts.result()
}

/** Counts what was due in the measured time. */
async function openLoop(plan: LoadPlan, connections: ReadonlyArray<Connection>): Promise<LoadResult> {
  const wire = plan.requests.map((request) => encode(plan.origin, request))
  const counts = tally(plan)
  const gapMs = 1_000 / plan.ratePerSecond!
  const startMs = nowMs() + 20
  const firstCounted = Math.ceil(plan.warmupMs / gapMs)
  const total = firstCounted + Math.max(1, Math.round(plan.durationMs / gapMs))
  const dueMs = (request: number) => startMs + request * gapMs
  const idle = [...connections]
  const inFlight = new Set<number>()
  /** First not yet due, and first not yet sent: between them wait those that found no free connection. */
  let due = 0
  let sent = 0
  let ended = false
  let finished = () => {}

  const sendDue = () => {
    while (sent < due && idle.length > 0) {
      const request = sent++
      const connection = idle.pop()!
      inFlight.add(request)
      connection.send(wire[request % wire.length]!, (outcome) => {
        inFlight.delete(request)
        idle.push(connection)
        if (ended) return
        const failure = failureOf(outcome, plan.expectStatus)
        if (request >= firstCounted) {
          if (failure === undefined) counts.succeeded(nowMs() - dueMs(request))
          else counts.failed(failure, nowMs() - dueMs(request))
        }
        sendDue()
        if (sent === total && inFlight.size === 0) finished()
      })
    }
  }
  const timer = preciseTimer(() => {
    const now = nowMs()
    while (due < total && dueMs(due) <= now) {
      if (due >= firstCounted && idle.length > due - sent) counts.clientLate(now - dueMs(due))
      due++
    }
    sendDue()
    if (due < total) timer.arm(dueMs(due) - nowMs())
  })

  const done = new Promise<void>((resolve) => (finished = resolve))
  timer.arm(dueMs(0) - nowMs())
  await atMost(dueMs(total) - nowMs() + drainMs, done)
  ended = true
  await timer.stop()
  for (const request of inFlight) if (request >= firstCounted) counts.failed("no reply", nowMs() - dueMs(request))
  for (let request = Math.max(sent, firstCounted); request < total; request++) {
    counts.failed("not sent: every connection was busy", nowMs() - dueMs(request))
  }
  return counts.result()
}

/** Started by load.ts, with the plan on standard input. */
if (process.argv[2] === "--plan-on-stdin") {
  let text = ""
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk
  console.log(JSON.stringify(await generateLoad(JSON.parse(text))))
}
