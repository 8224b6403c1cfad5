/** Webhooks as the simulator sends them, over a real socket. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { eventually } from "../../../test/support/eventually.ts"
import { readAll } from "./fixtures/readAll.ts"
import { simulated } from "./fixtures/simulated.ts"

interface Delivery {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

const receive = Effect.fnUntraced(function* () {
  const deliveries: Array<Delivery> = []
  const server = createServer((request, response) => {
    const chunks: Array<Uint8Array> = []
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk)).on("error", () => {})
    request.on("end", () => {
      deliveries.push({
        headers: request.headers as Readonly<Record<string, string | undefined>>,
        body: Buffer.concat(chunks),
      })
      response.end()
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
  )
  return { deliveries, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/todoist` }
})

const taskIn = ({ body }: Delivery): string =>
  (JSON.parse(Buffer.from(body).toString()) as { event_data: { id: string } }).event_data.id

const start = Effect.fnUntraced(function* () {
  const { deliveries, url } = yield* receive()
  const sim = yield* simulated({ clients: [{ id: "tipstream-demo", webhookUrl: url }] })
  const connector = yield* sim.connect({ client: { id: sim.client.id, secret: Redacted.make(sim.client.secret) } })
  const { accountId, tasks } = yield* readAll(connector, sim.personal, null)
  const parents = new Set(tasks.map(({ task }) => task.parentId))
  // Closing one of these is one event.
  const single = tasks.map(({ task }) => task).filter((task) => task.parentId === null && !parents.has(task.taskId))
  // They start for a user when that user has connected the app.
  const redirectUri = "http://127.0.0.1:3000/callback"
  const { redirect } = yield* sim.call("POST", "/_sim/oauth/approve", {
    clientId: sim.client.id,
    scope: "data:read",
    redirectUri,
    userId: accountId,
  })
  const code = Redacted.make(new URL(String(redirect)).searchParams.get("code") ?? "")
  yield* connector.finishOAuth({ redirectUri, code, codeVerifier: Redacted.make("v") })

  /** What the connector makes of the webhooks about this task being closed, of which so many are to arrive. */
  const told = Effect.fnUntraced(function* (taskId: string, count: number) {
    yield* sim.command("item_close", { id: taskId })
    const about = () => deliveries.filter((delivery) => taskIn(delivery) === taskId)
    const arrived = () => Promise.resolve(about().length >= count ? true : undefined)
    yield* Effect.promise(() => eventually(`${count} webhooks about one task`, arrived))
    return yield* Effect.forEach(
      about(),
      ({ headers, body }) =>
        connector.readWebhook!(headers, body).pipe(Effect.catch((refused) => Effect.succeed(refused))),
    )
  })

  return {
    accountId,
    told,
    fault: (fault: object) => sim.call("POST", "/_sim/webhooks/faults", fault),
    recurring: single.find(({ due }) => due?.isRecurring === true)!.taskId,
    once: single.filter(({ due }) => due?.isRecurring !== true).map(({ taskId }) => taskId),
  }
})

describe("todoist webhooks", () => {
  it.live("edge case 29 - a completion is told with its account, also that of a recurring task", () =>
    Effect.gen(function* () {
      const { accountId, told, recurring, once } = yield* start()
      expect(yield* told(once[0]!, 1)).toMatchObject([{ accountId, completedTaskIds: [once[0]] }])
      expect(yield* told(recurring, 1)).toMatchObject([{ accountId, completedTaskIds: [recurring] }])
    }))

  it.live("edge case 29 - one that comes twice has one id", () =>
    Effect.gen(function* () {
      const { told, fault, once } = yield* start()
      yield* fault({ fault: "duplicate" })
      const [first, second] = yield* told(once[0]!, 2)
      expect(first).toMatchObject({ completedTaskIds: [once[0]] })
      expect(second).toEqual(first)
    }))

  it.live("edge case 29 - forged and replayed ones are refused, and one about a stranger names that stranger", () =>
    Effect.gen(function* () {
      const { told, fault, once } = yield* start()
      yield* fault({ fault: "forged" })
      expect(yield* told(once[0]!, 1)).toMatchObject([{ _tag: "WebhookRefused", reason: "forged" }])
      yield* fault({ fault: "stale-replay", staleMs: 3_700_000 })
      const replayed = yield* told(once[1]!, 2)
      expect(replayed.filter((one) => "reason" in one)).toMatchObject([{ reason: "stale" }])
      yield* fault({ fault: "unknown-user" })
      expect(yield* told(once[2]!, 1)).toMatchObject([{ accountId: "1" }])
    }))
})
