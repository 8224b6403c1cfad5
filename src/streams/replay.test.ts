import { Effect, Layer } from "effect"
import { EventLog } from "./EventLog.ts"
import { layerMemory } from "./MemoryEventLog.ts"
import { Outbox } from "./Outbox.ts"
import { suite } from "./Replay.contract.ts"

suite(
  "memory",
  Effect.gen(function* () {
    const log = yield* EventLog
    const outbox = yield* Outbox
    return { ...log, append: outbox.append, forget: undefined, leftovers: Effect.succeed([]) }
  }).pipe(Effect.provide(Layer.fresh(layerMemory({ partitions: 8 })))),
)
