/**
 * Questions to the broker, each with a deadline. A broker that is known to be away is not asked: the client would keep
 * the question and put it when the connection is back, long after nobody waits for the answer.
 */
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream"
import { Effect } from "effect"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import type { Nats } from "./NatsConnection.ts"

export const ask = <A>(
  nats: Nats["Service"],
  operation: string,
  question: () => Promise<A>,
): Effect.Effect<A, StoreUnavailable> =>
  Effect.andThen(
    connected(nats, operation),
    Effect.tryPromise({ try: question, catch: (cause) => new StoreUnavailable({ operation, cause }) }),
  )

/** Undefined when there is no such stream or durable. */
export const ifThere = <A>(asked: Effect.Effect<A, StoreUnavailable>): Effect.Effect<A | undefined, StoreUnavailable> =>
  Effect.catchIf(asked, ({ cause }) => isNotFound(cause), () => Effect.succeed(undefined))

export const connected = (nats: Nats["Service"], operation: string): Effect.Effect<void, StoreUnavailable> =>
  Effect.suspend(() =>
    nats.isConnected()
      ? Effect.void
      : Effect.fail(new StoreUnavailable({ operation, cause: nats.problem() ?? "not connected to NATS" }))
  )

const isNotFound = (cause: unknown): boolean =>
  cause instanceof JetStreamApiError &&
  (cause.code === JetStreamApiCodes.StreamNotFound || cause.code === JetStreamApiCodes.ConsumerNotFound)
