/**
 * The one connection of this process to the broker. Reconnects for ever, with capped and jittered pauses; every call
 * to JetStream has a timeout.
 */
import { jetstream } from "@nats-io/jetstream"
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream"
import { credsAuthenticator } from "@nats-io/transport-node"
import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node"
import { Context, Effect, Layer, Random, Redacted } from "effect"
import type * as Wakeup from "../Wakeup.ts"
import { atLeast, firstConnection } from "./firstConnection.ts"
import { parseNatsUrl } from "./natsAddress.ts"
import type { NatsAddress } from "./natsAddress.ts"
import { reconnectPauseMs } from "./reconnectPause.ts"
import { watchConnection } from "./watchConnection.ts"

export class Nats extends Context.Service<Nats, {
  readonly connection: NatsConnection
  readonly jetstream: JetStreamClient
  readonly manager: JetStreamManager
  /** Of the server connected to now. */
  readonly atLeast: (major: number, minor: number, patch?: number) => boolean
  /** As probes see it: false once an outage lasts longer than a hiccup. A frozen server is one. */
  readonly isUp: () => boolean
  /** Why it is not up, in one sentence for an operator. */
  readonly problem: () => string | undefined
  /** False between a disconnection and the next connection, at once. */
  readonly isConnected: () => boolean
  /** Signalled after each reconnection: whatever was on its way may be lost. */
  readonly reconnected: Wakeup.Wakeup
}>()("tipstream/streams/jetstream/Nats") {}

export interface NatsOptions {
  readonly url: Redacted.Redacted<string>
  /** Content of a credentials file. */
  readonly credentials: Redacted.Redacted<string> | undefined
  readonly name: string
  /** How long the first connection may take before the start is given up; 0 is one attempt. */
  readonly waitMs: number
}

/** A broker that answers takes milliseconds; one that swaps takes seconds. */
const requestTimeoutMs = 5_000

/** Of one attempt, from the socket to the server's greeting. */
const dialTimeoutMs = 5_000

/** The client closes a connection on which this many pings in a row went unanswered, and looks for another server. */
const pings = { pingInterval: 5_000, maxPingOut: 2 }

/** What is unacknowledged at the end is sent again by the next process; so the end waits no longer for the server. */
const drainMaxMs = 2_000

export const layer = (options: NatsOptions) => Layer.effect(Nats, Effect.suspend(() => make(options)))

const make = Effect.fnUntraced(function* (options: NatsOptions) {
  const address = parseNatsUrl(Redacted.value(options.url))
  const random = yield* Random.Random
  let attempts = 0
  const { connection, manager } = yield* Effect.acquireRelease(
    firstConnection({
      ...connectionOptions(options, address),
      reconnectDelayHandler: () => reconnectPauseMs(attempts, random.nextDoubleUnsafe()),
    }, { waitMs: options.waitMs, requestTimeoutMs, servers: address.servers.join(", ") }),
    ({ connection }) => close(connection),
    { interruptible: true },
  )
  const version = () => connection.info?.version ?? "0"
  const health = yield* watchConnection(connection, (count) => attempts = count)
  yield* Effect.addFinalizer(() => health.isConnected() && health.isUp() ? drain(connection) : Effect.void)
  return Nats.of({
    connection,
    manager,
    jetstream: jetstream(connection, { timeout: requestTimeoutMs }),
    atLeast: (major, minor, patch) => atLeast(version(), major, minor, patch),
    ...health,
  })
})

const connectionOptions = (options: NatsOptions, address: NatsAddress): NodeConnectionOptions => ({
  servers: [...address.servers],
  name: options.name,
  timeout: dialTimeoutMs,
  ...pings,
  maxReconnectAttempts: -1,
  // Credentials that are being rotated come back.
  ignoreAuthErrorAbort: true,
  ...(address.isEncrypted ? { tls: {} } : {}),
  ...(address.token === undefined ? {} : { token: address.token }),
  ...(address.user === undefined ? {} : { user: address.user, pass: address.password ?? "" }),
  ...(options.credentials === undefined
    ? {}
    : { authenticator: credsAuthenticator(new TextEncoder().encode(Redacted.value(options.credentials))) }),
})

const drain = (connection: NatsConnection) =>
  Effect.timeoutOption(Effect.promise(() => connection.drain().catch(() => {})), drainMaxMs)

const close = (connection: NatsConnection) => Effect.timeoutOption(Effect.promise(() => connection.close()), drainMaxMs)
