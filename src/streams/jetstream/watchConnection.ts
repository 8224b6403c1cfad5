/**
 * Whether the broker is there, as the client's own events and a ping now and then tell it: a server that is frozen
 * keeps its connections, and only fails to answer.
 */
import { errors } from "@nats-io/transport-node"
import type { NatsConnection, Status } from "@nats-io/transport-node"
import { Clock, Effect } from "effect"
import * as Wakeup from "../Wakeup.ts"

/** A server that restarts, or hands over to another of its cluster, is no outage to be told to a load balancer. */
const hiccupMaxMs = 2_000

const pingEveryMs = 2_000
/** Longer than a hiccup, so that whoever does not answer by then is down at once. */
const pongWithinMs = 3_000

/** `onAttempts` is told how many attempts to reconnect have failed since the connection was last in order. */
export const watchConnection = Effect.fnUntraced(
  function* (connection: NatsConnection, onAttempts: (count: number) => void) {
    const clock = yield* Clock.Clock
    const nowMs = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const reconnected = Wakeup.make()
    let isConnected = true
    let attempts = 0
    let trouble: { readonly sinceMs: number; readonly problem: string } | undefined

    const troubled = (problem: string, sinceMs: number) =>
      trouble = { problem, sinceMs: Math.min(sinceMs, trouble?.sinceMs ?? sinceMs) }
    const count = (next: number) => onAttempts(attempts = next)

    const onEvent = (event: Status) => {
      switch (event.type) {
        case "disconnect":
          isConnected = false
          troubled(`the connection to NATS at ${event.server} is lost`, nowMs())
          return fork(Effect.logWarning(`the connection to NATS at ${event.server} is lost; trying again`))
        case "reconnecting":
          return count(attempts + 1)
        case "reconnect":
          isConnected = true
          fork(Effect.logInfo(`connected to NATS at ${event.server} again`))
          return fork(reconnected.signal)
        case "error":
          // The rest of a refusal quotes a subject, which names a user.
          if (event.error instanceof errors.PermissionViolationError) {
            return fork(Effect.logError(`NATS does not permit this user to ${event.error.operation} what it must`))
          }
          if (event.error instanceof errors.AuthorizationError) {
            return troubled("NATS refuses the user or credentials of NATS_URL and NATS_CREDS", nowMs())
          }
          return
        case "close":
          isConnected = false
          return troubled("the connection to NATS is closed", nowMs())
      }
    }
    // Ends with the connection, which outlives whoever watches it.
    void (async () => {
      for await (const event of connection.status()) onEvent(event)
    })()

    /** True when the connection is in order. */
    const ping = Effect.gen(function* () {
      if (!isConnected) return false
      const askedMs = nowMs()
      const pong = yield* Effect.timeoutOption(Effect.exit(Effect.tryPromise(() => connection.flush())), pongWithinMs)
      if (pong._tag === "None") {
        troubled(`NATS at ${connection.getServer()} does not answer`, askedMs)
        return false
      }
      if (pong.value._tag === "Success") trouble = undefined
      return pong.value._tag === "Success"
    })
    yield* Effect.forkScoped(Effect.forever(Effect.gen(function* () {
      const seen = reconnected.count()
      yield* ping
      yield* Effect.timeoutOption(reconnected.after(seen), pingEveryMs)
      // Only what lasts: a server that greets and hangs up must not be dialled without a pause.
      if (reconnected.count() === seen && trouble === undefined) count(0)
    })))

    return {
      reconnected,
      isConnected: () => isConnected,
      isUp: () => trouble === undefined || nowMs() - trouble.sinceMs <= hiccupMaxMs,
      problem: () => trouble?.problem,
    }
  },
)
