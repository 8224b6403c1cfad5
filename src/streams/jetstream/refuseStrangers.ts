/**
 * Two installations on one broker would handle each other's events: nothing on a stream says whose it is. So whoever
 * never published anything begins only where nothing is, or where what is there came from its own outbox.
 */
import { Effect, Schema } from "effect"
import { LanePositions } from "../LanePositions.ts"
import { headers, streamNames } from "../names.ts"
import { Broker } from "./Broker.ts"

class StrangersLog extends Schema.TaggedError<StrangersLog>()("StrangersLog", { stream: Schema.String }) {
  override get message() {
    return `NATS_URL: ${this.stream} there holds events that this database knows nothing of: another installation ` +
      "uses the server, or the database is a new one. Give each installation a NATS account or server of its own; " +
      "to begin anew, delete the streams."
  }
}

export const refuseStrangers = Effect.gen(function* () {
  const broker = yield* Broker
  const { read, knows } = yield* LanePositions
  const { publishedUntil } = yield* read
  if (streamNames.some((stream) => publishedUntil(stream) > 0)) return
  for (const stream of streamNames) {
    const info = yield* broker.streamInfo(stream)
    if (info === undefined || info.messages === 0) continue
    const range = { fromSequence: info.firstSequence, toSequence: info.lastSequence, limit: 1 }
    const [first] = yield* broker.messages(stream, range)
    // A process may have died after the very first publishing, before it was written down.
    if (first !== undefined && !(yield* knows(first.headers[headers.messageId] ?? ""))) {
      return yield* new StrangersLog({ stream })
    }
  }
})
