/**
 * Writes down now and then how far each lane is done with, so that a durable that is lost, with its stream or by
 * somebody's hand, begins again where it stood and not at the first event.
 */
import { Effect } from "effect"
import type { LaneContract } from "../contracts.ts"
import { LanePositions } from "../LanePositions.ts"
import { Broker } from "./Broker.ts"

/** What a lane handles in this time comes again after such a loss, and the inbox knows it. */
const everyMs = 60_000

/** Until interrupted. */
export const notePositions = Effect.fnUntraced(function* (lanes: ReadonlyArray<LaneContract>) {
  const broker = yield* Broker
  const { advance } = yield* LanePositions
  const note = Effect.gen(function* () {
    const found = yield* Effect.forEach(
      lanes,
      ({ config, durable, lane, stream }) =>
        Effect.map(broker.laneInfo(stream, config.durable_name), (info) => {
          const settledUntil = info?.ackFloor.sequence ?? 0
          return settledUntil === 0 ? [] : [{ durable, lane, settledUntil }]
        }),
    )
    yield* advance(found.flat())
  })
  yield* Effect.forever(Effect.andThen(Effect.sleep(everyMs), Effect.ignore(note)))
})
