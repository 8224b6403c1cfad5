/**
 * The one connection of this process to the broker. Reconnects for ever, with capped and jittered pauses; every call
 * to JetStream has a timeout.
 */
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream"
import { connect, credsAuthenticator } from "@nats-io/transport-node"
import type { NatsConnection } from "@nats-io/transport-node"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import * as Wakeup from "../Wakeup.ts"

export class Nats extends Context.Service<Nats, {
  readonly connection: NatsConnection
  readonly jetstream: JetStreamClient
  readonly manager: JetStreamManager
  /** Of the server connected to now. */
  readonly atLeast: (major: number, minor: number, patch?: number) => boolean
  /** As probes see it: false once an outage lasts longer than a hiccup. */
  readonly isUp: () => boolean
  /** Why it is not up, in one sentence for an operator. */
  readonly problem: () => string | undefined
  /** True between a disconnection and the next connection, at once. */
  readonly isConnected: () => boolean
  /** Signalled after each reconnection: whatever was on its way may be lost. */
  readonly reconnected: Wakeup.Wakeup
}>()("tipstream/streams/jetstream/Nats") {}

export class BrokerUnreachable extends Schema.TaggedError<BrokerUnreachable>()("BrokerUnreachable", {
  servers: Schema.String,
  problem: Schema.String,
}) {
  override get message() {
    return `NATS_URL: no NATS server with JetStream answers at ${this.servers}: ${this.problem}`
  }
}

export interface NatsOptions {
  readonly url: Redacted.Redacted<string>
  /** Content of a credentials file. */
  readonly credentials: Redacted.Redacted<string> | undefined
  readonly name: string
  /** How long the first connection may take before the start is given up. */
  readonly waitMs: number
}

/** A broker that answers takes milliseconds; one that swaps takes seconds. */
export const requestTimeoutMs = 5_000

export const layer = (options: NatsOptions) =>
  Layer.effect(
    Nats,
    Effect.gen(function* () {
      const reconnected = Wakeup.make()
      let isConnected = true
      const connection = yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: () =>
            connect({
              servers: Redacted.value(options.url).split(","),
              name: options.name,
              timeout: options.waitMs,
              maxReconnectAttempts: -1,
              pingInterval: 5_000,
              maxPingOut: 2,
              ...(options.credentials === undefined
                ? {}
                : { authenticator: credsAuthenticator(new TextEncoder().encode(Redacted.value(options.credentials))) }),
            }),
          catch: (cause) => new BrokerUnreachable({ servers: "the servers of NATS_URL", problem: String(cause) }),
        }),
        (connection) => Effect.promise(() => connection.close()),
      )
      const manager = yield* Effect.tryPromise({
        try: () => jetstreamManager(connection, { timeout: requestTimeoutMs }),
        catch: (cause) => new BrokerUnreachable({ servers: connection.getServer(), problem: String(cause) }),
      })
      yield* Effect.forkScoped(Effect.promise(async () => {
        for await (const status of connection.status()) {
          if (status.type === "disconnect") isConnected = false
          if (status.type === "reconnect") {
            isConnected = true
            Effect.runFork(reconnected.signal)
          }
        }
      }))
      return Nats.of({
        connection,
        jetstream: jetstream(connection, { timeout: requestTimeoutMs }),
        manager,
        atLeast: (major, minor, patch = 0) => {
          const [a = 0, b = 0, c = 0] = (connection.info?.version ?? "0").split(/[.-]/).map(Number)
          return a !== major ? a > major : b !== minor ? b > minor : c >= patch
        },
        isUp: () => isConnected,
        problem: () => isConnected ? undefined : "no NATS server answers",
        isConnected: () => isConnected,
        reconnected,
      })
    }),
  )
