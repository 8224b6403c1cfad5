import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger, Metric, Queue } from "effect"
import { TestClock } from "effect/testing"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { Connectors, WebhookRefused } from "../connectors/Connector.ts"
import type { ConnectorShape, WebhookNotice } from "../connectors/Connector.ts"
import { Actors, SyncFailed } from "./Actors.ts"
import type { SyncReport, UserMessage } from "./Actors.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import * as Module from "./Webhooks.ts"
import { Webhooks } from "./Webhooks.ts"

const ownerOf = (name: string): Owner => ({ tenantId: defaultTenant, userId: UserId.make(name) })
const synced: SyncReport = { status: "synced", changes: 0, syncedAtMs: 0, lastEventId: null }
const noticeOf = (deliveryId: string, accountId = "account-1"): WebhookNotice => ({
  deliveryId,
  accountId,
  completedTaskIds: ["t1"],
})

const people = Object.fromEntries(Array.from({ length: 1_100 }, (_, at) => [`a${at}`, [`u${at}`]]))

interface Play {
  /** By account; an account that is not here is nobody's. */
  readonly owners?: Readonly<Record<string, ReadonlyArray<string>>>
  readonly storeDown?: boolean
  /** What the actors wait for before they answer. */
  readonly held?: Effect.Effect<unknown>
  readonly fails?: boolean
}

/** The service over a tool whose body is the notice itself, or the reason to refuse it. */
const played = Effect.fnUntraced(function* ({ owners = { "account-1": ["u1"] }, ...play }: Play) {
  const asked = yield* Queue.unbounded<readonly [Owner, UserMessage]>()
  const seen = new Set<string>()
  const lines: Array<string> = []
  const connector: Partial<ConnectorShape> = {
    provider: "todoist",
    readWebhook: (_, body) => {
      const said = JSON.parse(new TextDecoder().decode(body)) as WebhookNotice | WebhookRefused["reason"]
      return typeof said === "string"
        ? Effect.fail(new WebhookRefused({ provider: "todoist", reason: said }))
        : Effect.succeed(said)
    },
  }
  const store: Partial<UserSyncStore["Service"]> = {
    noteWebhook: (_, deliveryId, accountId) => {
      if (play.storeDown === true) return Effect.fail(new StoreUnavailable({ operation: "test", cause: "down" }))
      if (seen.has(deliveryId)) return Effect.succeed("seen")
      seen.add(deliveryId)
      return Effect.succeed((owners[accountId] ?? []).map(ownerOf))
    },
  }
  const all = [connector as ConnectorShape]
  const ports = Layer.mergeAll(
    Layer.succeed(Connectors, { all, of: (provider) => all.find((one) => one.provider === provider) }),
    Layer.succeed(UserSyncStore, store as UserSyncStore["Service"]),
    Layer.succeed(Actors, {
      ask: (owner, message) =>
        Queue.offer(asked, [owner, message]).pipe(
          Effect.andThen(play.held ?? Effect.void),
          Effect.andThen(
            play.fails === true
              ? Effect.fail(new SyncFailed({ problem: "down", code: "ProviderUnavailable", retryAtMs: null }))
              : Effect.succeed(synced),
          ),
        ),
      snapshot: Effect.succeed([]),
      drain: Effect.void,
    }),
  )
  const log = Logger.layer([Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))])
  const context = yield* Layer.build(Layer.provideMerge(Module.layer, Layer.merge(ports, log)))
  const receive = (said: WebhookNotice | string) =>
    Webhooks.use((webhooks) => webhooks.receive("todoist", {}, new TextEncoder().encode(JSON.stringify(said)))).pipe(
      Effect.provideContext(context),
    )
  return { receive, asked, lines, webhooks: yield* Effect.provideContext(Webhooks, context) }
})

const outcomesNow = Effect.map(
  Metric.snapshot,
  (all) =>
    Object.fromEntries(
      all.filter(({ id }) => id === "webhooks_total").map(({ attributes, state }) => [
        attributes?.["outcome"],
        (state as { readonly count: number }).count,
      ]),
    ),
)

describe("a webhook", () => {
  it.effect("tells the actors of everybody who has that account, once per delivery", () =>
    Effect.gen(function* () {
      const { receive, asked } = yield* played({ owners: { "account-1": ["u1", "u2"] } })
      expect(yield* receive(noticeOf("d1"))).toBe("taken")
      const message = { _tag: "Webhook", provider: "todoist", completedTaskIds: ["t1"] }
      const told = [yield* Queue.take(asked), yield* Queue.take(asked)]
      expect(told.map(([{ userId }, said]) => [userId, said])).toEqual([["u1", message], ["u2", message]])
      expect(yield* receive(noticeOf("d1"))).toBe("repeated")
      expect(yield* receive(noticeOf("d2", "account-9"))).toBe("stranger")
      yield* receive(noticeOf("d3"))
      expect((yield* Queue.take(asked))[0].userId).toBe("u1")
    }))

  it.effect("edge case 29 - forged, stale or unreadable is dropped; one line a minute says so, of how many", () =>
    Effect.gen(function* () {
      const { receive, asked, lines } = yield* played({})
      const before = yield* outcomesNow
      for (const reason of ["forged", "forged", "stale", "not-set-up"]) expect(yield* receive(reason)).toBe("refused")
      expect(lines).toEqual(["a webhook in the name of todoist was refused: forged"])
      yield* TestClock.adjust("1 minute")
      yield* receive("unsigned")
      expect(lines.slice(1)).toEqual([
        "a webhook in the name of todoist was refused: unsigned, and 3 more were since the last such line",
      ])
      expect(yield* Queue.size(asked)).toBe(0)
      const counts = yield* outcomesNow
      const risen = (outcome: string) => (counts[outcome] ?? 0) - (before[outcome] ?? 0)
      expect(["forged", "stale", "not-set-up", "unsigned"].map(risen)).toEqual([2, 1, 1, 1])
    }))

  it.effect("is answered while the actors are busy, and however many come, no more than fit are held", () =>
    Effect.gen(function* () {
      const release = yield* Deferred.make<void>()
      const { receive, asked } = yield* played({ held: Deferred.await(release), owners: people })
      for (const account of Object.keys(people)) yield* receive(noticeOf(account, account))
      yield* Effect.yieldNow
      expect(yield* Queue.size(asked)).toBe(8)
      yield* Deferred.succeed(release, undefined)
      // More turns than what was sent could need.
      yield* Effect.repeat(Effect.yieldNow, { times: 10_000 })
      expect(yield* Queue.size(asked)).toBe(1_008)
    }))

  it.effect("goes on after an actor that failed", () =>
    Effect.gen(function* () {
      const { receive, asked } = yield* played({ fails: true })
      for (let at = 0; at < 20; at++) {
        yield* receive(noticeOf(`d${at}`))
        yield* Queue.take(asked)
        yield* Effect.yieldNow
      }
    }))

  it.effect("of a user whose actor is busy waits as one with those that follow, and is in nobody's way", () =>
    Effect.gen(function* () {
      const release = yield* Deferred.make<void>()
      const owners = { "account-1": ["u1"], "account-2": ["u2"] }
      const { receive, asked } = yield* played({ held: Deferred.await(release), owners })
      for (let at = 0; at < 100; at++) yield* receive({ ...noticeOf(`d${at}`), completedTaskIds: [`t${at % 50}`] })
      yield* receive(noticeOf("other", "account-2"))
      const told = [yield* Queue.take(asked), yield* Queue.take(asked)]
      expect(told.map(([{ userId }]) => userId)).toEqual(["u1", "u2"])
      expect(yield* Queue.size(asked)).toBe(0)
      yield* Deferred.succeed(release, undefined)
      const [{ userId }, rest] = yield* Queue.take(asked)
      const completed = (message: UserMessage) => message._tag === "Webhook" ? message.completedTaskIds : []
      expect([userId, new Set([...completed(told[0]![1]), ...completed(rest)]).size]).toEqual(["u1", 50])
      yield* Effect.repeat(Effect.yieldNow, { times: 100 })
      expect(yield* Queue.size(asked)).toBe(0)
    }))

  it.effect("fails when it could not be remembered, so that the tool sends it again", () =>
    Effect.gen(function* () {
      const { receive, asked } = yield* played({ storeDown: true })
      expect(yield* Effect.flip(receive(noticeOf("d1")))).toBeInstanceOf(StoreUnavailable)
      expect(yield* Queue.size(asked)).toBe(0)
    }))

  it.effect("is listened to only where the tool sends any", () =>
    Effect.gen(function* () {
      const { webhooks } = yield* played({})
      expect([webhooks.listensTo("todoist"), webhooks.listensTo("ical")]).toEqual([true, false])
      const before = yield* outcomesNow
      yield* webhooks.tooLarge("todoist")
      expect((yield* outcomesNow)["too-large"]).toBe((before["too-large"] ?? 0) + 1)
    }))
})
