/**
 * What `--demo` adds on the way up: the demo user exists, is connected, and has a tip waiting.
 * All of it goes the way of every user: account, sync actor, log, projector, recommender.
 */
import { Clock, Effect, Schedule } from "effect"
import type { Redacted } from "effect"
import { Actors } from "../actors/Actors.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import { Connectors } from "../connectors/Connector.ts"
import { TokenVault } from "../connectors/TokenVault.ts"
import { demoAccount, hostTimeZone } from "../http/authentication.ts"
import { Accounts } from "../identity/Accounts.ts"
import { projectorDurable } from "../recommender/Projector.ts"
import { Decisions } from "../recommender/Decisions.ts"
import { Recommender } from "../recommender/Recommender.ts"
import { EventLog } from "../streams/EventLog.ts"

export interface FirstTip {
  readonly title: string | null
  /** Why the account could not be synced; null when it was. */
  readonly problem: string | null
}

/** `isGiven`: the operator named the token, so it is the one to use, whatever was connected before. */
export const prepareDemo = Effect.fn("prepareDemo")(function* (
  token: Redacted.Redacted<string>,
  isGiven: boolean,
) {
  const accounts = yield* Accounts
  const actors = yield* Actors
  const store = yield* UserSyncStore
  const owner = yield* accounts.open({ ...demoAccount, timeZone: hostTimeZone() })
  const connection = yield* store.load(owner, "todoist")
  const connect = Effect.gen(function* () {
    const credential = yield* (yield* Connectors).of("todoist")!.fromToken(token)
    const sealed = yield* (yield* TokenVault).seal(owner, "todoist", credential)
    return yield* actors.ask(owner, { _tag: "Connect", provider: "todoist", sealed, replaces: true })
  })
  const sync = isGiven ? connect : actors.ask(owner, { _tag: "SyncNow", provider: "todoist", reason: "asked" }).pipe(
    // The folder was used with another account before, or its vault key is gone: the token at hand is the right one.
    Effect.catchTag("ConnectionRejected", () => connect),
    Effect.flatMap((report) => report.status === "not-connected" ? connect : Effect.succeed(report)),
  )
  // A user who disconnected on purpose stays disconnected.
  const problem = connection?.status === "disconnected" && !isGiven
    ? null
    : yield* Effect.match(sync, { onSuccess: () => null, onFailure: (error) => error.message })
  yield* projected
  return { title: yield* tipTitle(owner), problem } satisfies FirstTip as FirstTip
})

/** The projector has seen all signals there are; gives up after a few seconds, and the tip is then an older one. */
const projected = Effect.gen(function* () {
  const log = yield* EventLog
  // Not on the list until it has looked for the first time.
  const lag = Effect.map(log.consumers, (all) => all.find(({ durable }) => durable === projectorDurable)?.lag ?? 1)
  yield* lag.pipe(
    Effect.repeat({ until: (behind) => behind === 0, schedule: Schedule.spaced(20) }),
    Effect.timeoutOption("5 seconds"),
  )
})

const tipTitle = Effect.fnUntraced(function* (owner: Parameters<Recommender["Service"]["recommend"]>[0]) {
  const { openTip } = yield* Decisions
  const { recommend } = yield* Recommender
  const open = yield* openTip(owner, yield* Clock.currentTimeMillis)
  return open?.tip.title ?? (yield* recommend(owner)).tip?.title ?? null
})
