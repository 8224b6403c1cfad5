/**
 * The first connection of this process, within a bound, to a server that can carry the log; and for what it is given up
 * before: what another attempt does not change.
 */
import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream"
import type { JetStreamManager } from "@nats-io/jetstream"
import { connect, errors } from "@nats-io/transport-node"
import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node"
import { Clock, Effect, Schedule, Schema } from "effect"

export class BrokerUnreachable extends Schema.TaggedError<BrokerUnreachable>()("BrokerUnreachable", {
  /** Without users and passwords. */
  servers: Schema.String,
  problem: Schema.String,
  /** Trying again cannot help. */
  isFinal: Schema.Boolean,
}) {
  override get message() {
    return `NATS at ${this.servers} (NATS_URL): ${this.problem}`
  }
}

export interface Connected {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
}

/** Pauses between attempts: a server that restarts is back within a second or two. */
const pauses = Schedule.min([Schedule.exponential("100 millis", 2), Schedule.spaced("1 second")]).pipe(
  Schedule.jittered,
)

/** With `waitMs` of 0 there is one attempt. */
export const firstConnection = Effect.fn("Nats.connect")(function* (
  options: NodeConnectionOptions,
  within: { readonly waitMs: number; readonly requestTimeoutMs: number; readonly servers: string },
) {
  const deadlineMs = (yield* Clock.currentTimeMillis) + within.waitMs
  return yield* Effect.retry(attempt(options, within), {
    schedule: pauses,
    while: (failure) =>
      failure.isFinal ? Effect.succeed(false) : Effect.map(Clock.currentTimeMillis, (nowMs) => nowMs < deadlineMs),
  })
})

const attempt = Effect.fnUntraced(function* (
  options: NodeConnectionOptions,
  { servers, requestTimeoutMs }: { readonly servers: string; readonly requestTimeoutMs: number },
) {
  const fail = (problem: string, isFinal: boolean) => new BrokerUnreachable({ servers, problem, isFinal })
  const connection = yield* Effect.tryPromise({
    try: async (signal) => {
      const connection = await connect(options)
      if (signal.aborted) await connection.close()
      return connection
    },
    catch: (cause) => fail(...notConnected(cause)),
  })
  const { version = "0" } = connection.info ?? {}
  const manager = atLeast(version, oldest.major, oldest.minor)
    ? Effect.tryPromise({
      try: () => jetstreamManager(connection, { timeout: requestTimeoutMs }),
      catch: (cause) => fail(...withoutJetStream(cause)),
    })
    : Effect.fail(fail(`it is nats-server ${version}, and ${oldest.major}.${oldest.minor} or newer is needed.`, true))
  return {
    connection,
    manager: yield* Effect.onError(manager, () => Effect.promise(() => connection.close())),
  } satisfies Connected
})

/** What it says does not depend on the moment; the rest is worth another attempt. */
const notConnected = (cause: unknown): [problem: string, isFinal: boolean] => {
  if (cause instanceof errors.AuthorizationError) {
    return [
      "it refuses the user, password, token or credentials it was given. Check NATS_URL (special characters " +
      "percent-encoded) and NATS_CREDS.",
      true,
    ]
  }
  if (cause instanceof errors.TimeoutError) return ["no answer. Is it a NATS server, and is it running?", false]
  const said = cause instanceof Error && cause.message !== "" ? cause.message : "the connection was closed"
  if (/certificate/i.test(said)) return [`${said}. Its issuer must be trusted here, and its name be the host's.`, true]
  if (/does not support 'tls'/.test(said)) {
    return ["it does not speak TLS. Write nats:// instead of tls:// in NATS_URL, or give it a certificate.", true]
  }
  return [`${said}. Is the server running there? It is started with \`nats-server -js\`.`, false]
}

const withoutJetStream = (cause: unknown): [problem: string, isFinal: boolean] => {
  // The server knows no JetStream at all (nobody listens), or this account has none.
  const isUnheard = cause instanceof Error && cause.cause instanceof errors.RequestError
  const isDisabled = cause instanceof Error && cause.cause instanceof JetStreamApiError
  if (isUnheard || isDisabled) {
    return [
      "JetStream is not enabled there. Start it with `nats-server -js`, or give this user an account with JetStream.",
      true,
    ]
  }
  const said = cause instanceof Error ? cause.message : String(cause)
  return [`JetStream does not answer: ${said}.`, false]
}

/** 2.9 has all that is used; newer ones fix losses of theirs. */
const oldest = { major: 2, minor: 9 }

export const atLeast = (version: string, major: number, minor: number, patch = 0): boolean => {
  const [a = 0, b = 0, c = 0] = version.split(/[.-]/).map(Number)
  return a !== major ? a > major : b !== minor ? b > minor : c >= patch
}
