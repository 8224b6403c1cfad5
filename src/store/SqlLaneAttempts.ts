/** Attempts at the head of a lane, in the lane's row: where the embedded log keeps them too. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { LaneAttempts } from "../streams/LaneAttempts.ts"
import { orUnavailable } from "./unavailable.ts"

export const layer = Layer.effect(
  LaneAttempts,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return LaneAttempts.of({
      begin: Effect.fnUntraced(function* ({ durable, epoch, lane }, sequence) {
        const [row] = yield* sql<{ readonly attempts: number }>`
          UPDATE lanes SET head_sequence = ${sequence},
            head_attempts = CASE WHEN head_sequence = ${sequence} THEN head_attempts + 1 ELSE 1 END
          WHERE durable = ${durable} AND lane = ${lane} AND epoch = ${epoch}
          RETURNING head_attempts AS attempts`
        // Without a row the lane is somebody else's, and the guard of the effect will say so.
        return row?.attempts ?? 1
      }, orUnavailable("attempts.begin")),
      giveBack: Effect.fnUntraced(function* ({ durable, epoch, lane }, sequence) {
        yield* sql`
          UPDATE lanes SET head_attempts = greatest(0, head_attempts - 1)
          WHERE durable = ${durable} AND lane = ${lane} AND epoch = ${epoch} AND head_sequence = ${sequence}`
      }, orUnavailable("attempts.giveBack")),
    })
  }),
)
