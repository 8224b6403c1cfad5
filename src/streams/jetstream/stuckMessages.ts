/**
 * Finds messages the broker has given up: delivered as often as the durable allows and never settled, they come no
 * more, count as nothing, and the only trace is an advisory. Their lanes get them once more from here, to be given up
 * in the open.
 */
import { Clock, Effect, Schema } from "effect"
import type { Broker } from "./Broker.ts"
import type { LaneKeeper } from "./laneKeeper.ts"
import { DeadLetters } from "../DeadLetters.ts"
import { advisoryStream } from "../names.ts"

/** Nothing waits for them but an operator, who looks at what is dead every now and then. */
export const sweepEveryMs = 60_000

/**
 * How far before its start a process looks: the advisory comes while somebody reads the lane, so it is younger than a
 * restart. What is older was dealt with, and an operator may have dropped it.
 */
const lookBackMs = 600_000

/** Read at once. */
const advisoriesMax = 500

/** Letters that are compared with what is stuck: more than a durable has in hand by far. */
const lettersMax = 1_000

/** @see https://docs.nats.io/running-a-nats-service/nats_admin/monitoring/monitoring_jetstream */
const Advisory = Schema.fromJsonString(Schema.Struct({
  type: Schema.Literal("io.nats.jetstream.advisory.v1.max_deliver"),
  timestamp: Schema.String,
  stream: Schema.String,
  consumer: Schema.String,
  stream_seq: Schema.Int,
  deliveries: Schema.Int,
}))
type Advisory = typeof Advisory.Type

const decode = Schema.decodeUnknownOption(Advisory)

export const sweepStuck = Effect.fnUntraced(function* (broker: Broker["Service"], keeper: LaneKeeper, everyMs: number) {
  const letters = yield* DeadLetters
  const sinceMs = (yield* Clock.currentTimeMillis) - lookBackMs
  let next = 1
  /** Of lanes that are read elsewhere, until they are read here; as many as the advisory stream holds at most. */
  let known: ReadonlyArray<Advisory> = []

  const look = Effect.gen(function* () {
    // To the end, however many there are: what is stuck is waited for by nobody else.
    for (let isMore = true; isMore;) {
      const range = { fromSequence: next, toSequence: Number.MAX_SAFE_INTEGER, limit: advisoriesMax }
      const found = yield* broker.messages(advisoryStream, range)
      next = (found.at(-1)?.sequence ?? next - 1) + 1
      isMore = found.length === advisoriesMax
      const fresh = found
        .map(({ payload }) => decode(new TextDecoder().decode(payload)))
        .flatMap((one) => one._tag === "Some" && Date.parse(one.value.timestamp) >= sinceMs ? [one.value] : [])
      known = [...known, ...fresh]
    }
    const left: Array<Advisory> = []
    for (const one of known) if (!(yield* adopted(one))) left.push(one)
    known = left
  })

  /** True when the lane has it, or nobody needs it. */
  const adopted = Effect.fnUntraced(function* ({ consumer, deliveries, stream_seq: sequence }: Advisory) {
    const reader = [...keeper.readers()].find(({ durable }) => durable === consumer)
    if (reader?.lease === undefined) return false
    const { durable, stream } = reader.name
    const buried = yield* letters.list({ durable, stream, state: "any" }, { limit: lettersMax })
    if (buried.some((letter) => letter.sequence === sequence)) return true
    const [message] = yield* broker.messages(stream, { fromSequence: sequence, toSequence: sequence, limit: 1 })
    if (message === undefined) return true
    yield* Effect.logWarning(`${stream}#${sequence} is stuck: ${durable} was given it ${deliveries} times`)
    return yield* reader.adopt(message, deliveries)
  })

  return yield* Effect.forever(Effect.andThen(
    Effect.catchTag(look, "StoreUnavailable", (error) => Effect.logDebug("stuck messages cannot be looked for", error)),
    Effect.sleep(everyMs),
  ))
})
