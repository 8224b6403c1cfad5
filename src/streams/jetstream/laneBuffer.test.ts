import { describe, expect, it } from "vitest"
import * as fc from "fast-check"
import type { LaneMessage } from "./Broker.ts"
import { LaneBuffer } from "./laneBuffer.ts"

/** A durable as a server keeps it, and the wire to one reader; what is lost on the wire comes again. */
class Durable {
  readonly last: number
  readonly pending = new Map<number, number>()
  readonly counts = new Map<number, number>()
  readonly settled = new Set<number>()
  next = 1
  deliveries = 0

  constructor(last: number) {
    this.last = last
  }

  info() {
    const floor = Math.min(this.next, ...this.pending.keys()) - 1
    return {
      delivered: { deliverySequence: this.deliveries, sequence: this.next - 1 },
      ackFloor: { deliverySequence: 0, sequence: floor },
      ackPending: this.pending.size,
      redelivered: 0,
      pending: this.last - this.next + 1,
    }
  }

  /** What it says is heard only while the server knows of the delivery. */
  deliver(sequence: number): LaneMessage {
    const deliveryCount = (this.counts.get(sequence) ?? 0) + 1
    this.counts.set(sequence, deliveryCount)
    const deliverySequence = ++this.deliveries
    this.pending.set(sequence, deliverySequence)
    const settle = () => {
      this.pending.delete(sequence)
      this.settled.add(sequence)
    }
    return {
      sequence,
      deliverySequence,
      deliveryCount,
      subject: "s",
      headers: { "Nats-Msg-Id": `m${sequence}` },
      payload: new Uint8Array(),
      ack: settle,
      nak: () => {},
      term: settle,
      working: () => {},
    }
  }

  fresh(): LaneMessage | undefined {
    return this.next > this.last ? undefined : this.deliver(this.next++)
  }

  /** As after a crash of the server: it forgets what it delivered and what it was told since. */
  rollBack(by: number): void {
    this.next = Math.max(1, this.next - by)
    this.deliveries = Math.max(0, this.deliveries - by)
    for (const sequence of this.pending.keys()) if (sequence >= this.next) this.pending.delete(sequence)
  }
}

type Step =
  | { readonly do: "deliver"; readonly isLost: boolean }
  | { readonly do: "redeliver"; readonly which: number; readonly isLost: boolean }
  | { readonly do: "handle" }
  | { readonly do: "fail" }
  | { readonly do: "interrupt"; readonly rollsBackBy: number }
  | { readonly do: "compare" }
  | { readonly do: "take-over" }

const stepOf: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("deliver" as const), isLost: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("redeliver" as const),
      which: fc.nat(20),
      isLost: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.constant({ do: "handle" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "fail" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("interrupt" as const), rollsBackBy: fc.nat(6) }) },
  { weight: 3, arbitrary: fc.constant({ do: "compare" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "take-over" as const }) },
)

const play = (steps: ReadonlyArray<Step>, last: number, batchMax: number) => {
  const durable = new Durable(last)
  /** Of first handlings, as an inbox lets them through. */
  const effects: Array<number> = []
  let buffer = new LaneBuffer()
  buffer.begin(durable.info())

  const arrive = (message: LaneMessage | undefined, isLost: boolean) => {
    if (message !== undefined && !isLost) buffer.receive(message)
  }
  const redeliver = (which: number, isLost: boolean) => {
    const outstanding = [...durable.pending.keys()]
    if (outstanding.length > 0) arrive(durable.deliver(outstanding[which % outstanding.length]!), isLost)
  }
  const handle = (fails: boolean) => {
    const taken = buffer.take(0, batchMax)
    if (taken === undefined) return
    expect(taken.messages.length).toBeLessThanOrEqual(taken.deliveredBefore > 0 ? 1 : batchMax)
    if (fails) return buffer.refuse(0, true)
    for (const { sequence } of taken.messages) if (!effects.includes(sequence)) effects.push(sequence)
    // Nothing has its effect before what stands before it.
    expect(effects).toEqual(Array.from({ length: effects.length }, (_, index) => index + 1))
    for (const message of buffer.settle(taken.messages.at(-1)!.sequence)) message.ack()
  }
  const take = (step: Step) => {
    switch (step.do) {
      case "deliver":
        return arrive(durable.fresh(), step.isLost)
      case "redeliver":
        return redeliver(step.which, step.isLost)
      case "handle":
        return handle(false)
      case "fail":
        return handle(true)
      case "interrupt":
        durable.rollBack(step.rollsBackBy)
        return buffer.interrupted()
      case "compare":
        return void (buffer.isComparable && buffer.compare(durable.info()))
      case "take-over":
        buffer = new LaneBuffer()
        return buffer.begin(durable.info())
    }
  }
  steps.forEach(take)
  // From here on nothing is lost: everything comes, and everything has its effect.
  for (let round = 0; effects.length < last && round < 20 * last; round++) {
    for (const sequence of Array.from(durable.pending.keys())) arrive(durable.deliver(sequence), false)
    arrive(durable.fresh(), false)
    take({ do: "handle" })
    take({ do: "compare" })
  }
  return effects
}

describe("lane buffer", () => {
  it("hands out in order whatever is lost, comes again, is forgotten by the server or changes hands", () => {
    fc.assert(
      fc.property(fc.array(stepOf, { maxLength: 120 }), fc.integer({ min: 1, max: 5 }), (steps, batchMax) => {
        expect(play(steps, 30, batchMax)).toHaveLength(30)
      }),
      { numRuns: 2_000 },
    )
  })

  it("hands out at once what follows without a hole", () => {
    const durable = new Durable(3)
    const buffer = new LaneBuffer()
    buffer.begin(durable.info())
    expect(buffer.receive(durable.fresh()!)).toBe(true)
    buffer.receive(durable.fresh()!)
    expect(buffer.isDoubting).toBe(false)
    expect(buffer.take(0, 10)?.messages.map(({ sequence }) => sequence)).toEqual([1, 2])
  })

  it("acknowledges by the latest delivery of a message", () => {
    const durable = new Durable(1)
    const buffer = new LaneBuffer()
    buffer.begin(durable.info())
    buffer.receive(durable.fresh()!)
    expect(buffer.receive(durable.deliver(1))).toBe(false)
    expect(buffer.take(0, 10)).toMatchObject({ attempt: 1, deliveredBefore: 0 })
    expect(buffer.settle(1).map(({ deliverySequence }) => deliverySequence)).toEqual([2])
  })

  it("keeps apart two events that a stream which lost its end gave the same number", () => {
    const buffer = new LaneBuffer()
    const [durable, other] = [new Durable(1), new Durable(1)]
    buffer.begin(durable.info())
    buffer.receive(durable.fresh()!)
    const reused = { ...other.fresh()!, headers: { "Nats-Msg-Id": "another" } }
    buffer.receive(reused)
    expect(buffer.take(0, 10)?.messages).toHaveLength(2)
  })
})
