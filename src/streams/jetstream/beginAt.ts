/**
 * Makes an empty stream go on with a number of our choice, so that events keep the numbers they have elsewhere.
 *
 * Purging up to a number does that. On 2.9 it moves the store, but not what the server compares the expected last
 * sequence with, until it restarts; a message that the store itself refuses brings the two together.
 */
import { JetStreamApiError } from "@nats-io/jetstream"
import { Effect } from "effect"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import { ask } from "./asking.ts"
import type { Nats } from "./NatsConnection.ts"

type Connected = Nats["Service"]

/** Fails, and changes nothing, when the stream is not empty or is past that number. */
export const beginAt = Effect.fnUntraced(function* (nats: Connected, stream: string, sequence: number) {
  const operation = `numbering of ${stream}`
  const unable = (cause: string) => new StoreUnavailable({ operation, cause })
  const { config, state } = yield* ask(nats, operation, () => nats.manager.streams.info(stream))
  if (state.messages > 0 || state.last_seq >= sequence) {
    return yield* unable(`it holds ${state.messages} messages and its last number is ${state.last_seq}`)
  }
  yield* ask(nats, operation, () => nats.manager.streams.purge(stream, { seq: sequence }))
  const subject = config.subjects?.[0]?.replaceAll("*", "_").replace(/>$/, "_")
  if (subject === undefined) return
  const agrees = Effect.map(
    comparedWith(nats, operation, subject),
    (last) => last === undefined || last === sequence - 1,
  )
  if (yield* agrees) return
  // Its limits are somebody else's attempt at the same: its original ones are known to them alone.
  if (config.max_bytes === refusesAll.max_bytes) return yield* unable("another process is setting it")
  const { discard, max_bytes } = config
  const update = (limits: { readonly discard: typeof discard; readonly max_bytes: number }) =>
    ask(nats, operation, () => nats.manager.streams.update(stream, limits))
  yield* update(refusesAll).pipe(
    Effect.andThen(Effect.ignore(ask(nats, operation, () => nats.jetstream.publish(subject, "-")))),
    Effect.ensuring(Effect.ignore(update({ discard, max_bytes }))),
    Effect.uninterruptible,
  )
  if (!(yield* agrees)) return yield* unable(`the server does not go on after ${sequence - 1}`)
})

/** Not one message fits. */
const refusesAll = { discard: "new", max_bytes: 1 } as const

/** What the server compares an expected last sequence with: it says so where it refuses one, or does not: undefined. */
const comparedWith = (nats: Connected, operation: string, subject: string) =>
  ask(nats, operation, () => nats.jetstream.publish(subject, "-", { expect: { lastSequence: neverReached } })).pipe(
    Effect.as(undefined),
    Effect.catch((refusal) => {
      const { cause } = refusal
      if (!(cause instanceof JetStreamApiError)) return Effect.fail(refusal)
      const said = /\d+$/.exec(cause.message)?.[0]
      return Effect.succeed(said === undefined ? undefined : Number(said))
    }),
  )

const neverReached = Number.MAX_SAFE_INTEGER
