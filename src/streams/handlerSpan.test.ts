import { expect, it } from "@effect/vitest"
import { Effect, Tracer } from "effect"
import { accountOpened } from "../../schemas/events.ts"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import { handleBatch } from "./Consumer.ts"
import { EventLog } from "./EventLog.ts"
import { handlerSpan } from "./handlerSpan.ts"
import { layerMemory } from "./MemoryEventLog.ts"
import { Outbox } from "./Outbox.ts"

const traceOf = (digit: string) => digit.repeat(32)
const messageOf = (digit: string, flags = "01") => ({
  headers: { traceparent: `00-${traceOf(digit)}-${digit.repeat(16)}-${flags}` },
})

it("a batch goes on with the first trace and links the others, each once", () => {
  const none = { headers: {} }
  const span = handlerSpan([none, messageOf("1", "00"), messageOf("2"), messageOf("1"), messageOf("3")])
  expect(span.parent).toMatchObject({ traceId: traceOf("1") })
  expect(span.links!.map((link) => link.span.traceId)).toEqual([traceOf("2"), traceOf("3")])
  expect(span.links!.map((link) => link.span.sampled)).toEqual([true, true])
  expect(span.attributes).toEqual({ batch: 5 })
  expect(handlerSpan([none])).toEqual({ kind: "consumer", attributes: { batch: 1 }, links: [] })
})

it("links no more than a collector takes", () => {
  const many = Array.from({ length: 200 }, (_, index) => ({
    headers: { traceparent: `00-${String(index + 1).padStart(32, "0")}-${"a".repeat(16)}-01` },
  }))
  expect(handlerSpan(many).links!.length).toBe(32)
})

it.effect("what handles an event runs in the trace that appended it", () =>
  Effect.gen(function* () {
    const outbox = yield* Outbox
    const owner = { tenantId: defaultTenant, userId: UserId.make("u") }
    yield* outbox.append([accountOpened({ id: "a", atMs: 0, correlationId: "c", ...owner }, { issuer: "test" })])
    const log = yield* EventLog
    const { traceparent } = messageOf("7").headers
    const traced = EventLog.of({
      ...log,
      pull: (...lane) =>
        Effect.map(
          log.pull(...lane),
          (messages) => messages.map((one) => ({ ...one, headers: { ...one.headers, traceparent } })),
        ),
    })
    const traces: Array<string> = []
    yield* handleBatch({
      consumer: { durable: "test", stream: "ACCOUNTS", ordering: "stream", batchMax: 10 },
      attemptsMax: 1,
      handle: () => Effect.map(Effect.currentSpan, ({ traceId }) => void traces.push(traceId)).pipe(Effect.orDie),
    }, 0).pipe(Effect.provideService(EventLog, traced))
    expect(traces).toEqual([traceOf("7")])
  }).pipe(
    Effect.provide(layerMemory({ partitions: 1 })),
    Effect.provideService(Tracer.Tracer, Tracer.make({ span: (span) => new Tracer.NativeSpan(span) })),
  ))
