/** Stores messages one directly after the other, each after the acknowledgement of the one before it. */
import { Effect } from "effect"
import type { Broker, NewMessage } from "./Broker.ts"
import type { Nats } from "./NatsConnection.ts"
import { toNats } from "./natsHeaders.ts"
import { publishEnd } from "./publishEnd.ts"

export const publishInOrder = (nats: Nats["Service"]): Broker["Service"]["publishInOrder"] =>
  Effect.fnUntraced(function* (messages: ReadonlyArray<NewMessage>, expectedLastSequence: number) {
    const sequences: Array<number> = []
    let last = expectedLastSequence
    for (const { subject, payload, headers } of messages) {
      const published = yield* Effect.tryPromise({
        try: () =>
          nats.jetstream.publish(subject, payload, {
            headers: toNats(headers),
            expect: { lastSequence: last },
          }),
        catch: publishEnd,
      }).pipe(Effect.result)
      if (published._tag === "Failure") return { sequences, ...published.failure }
      last = published.success.seq
      sequences.push(last)
    }
    return { sequences, end: undefined, detail: "" }
  })
