import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { OutboxRow } from "../OutboxRows.ts"
import { isStandIn, lastAlike, nextBatch, problemsOf } from "./relayState.ts"

const rowOf = (position: number, sequence: number | undefined): OutboxRow => ({
  position,
  eventId: `e${position}`,
  sequence,
  stream: "SIGNALS",
  partition: 0,
  subject: "tenant.a.signals.b.c.00.d",
  headers: { "Nats-Msg-Id": "another" },
  payload: new Uint8Array(),
})

/** As the outbox gives them: numbered ones first, by number, all behind `last`. */
const anyRows = fc.record({
  last: fc.nat(50),
  steps: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 30 }),
  unnumbered: fc.nat(10),
  beyond: fc.nat(5),
}).map(({ last, steps, unnumbered, beyond }) => {
  let number = last
  const rows = steps.map((step, index) => rowOf(index, number += step))
  const more = Array.from({ length: unnumbered }, (_, index) => rowOf(steps.length + index, undefined))
  return { last, given: number + beyond, rows: [...rows, ...more] }
})

describe("the next batch of a stream", () => {
  it("has each row under its number, each new one behind all that were given, and no number without a message", () => {
    fc.assert(fc.property(anyRows, ({ last, given, rows }) => {
      const batch = nextBatch("SIGNALS", rows, { last, given, hasLeapt: true })
      if (batch.do !== "publish") throw new Error(`it says ${batch.do}`)
      expect(batch.outgoing.flatMap(({ row }) => row ?? [])).toEqual(rows)
      const numbered = batch.outgoing.map(({ row, message }, index) => ({
        row,
        id: message.headers["Nats-Msg-Id"]!,
        number: last + 1 + index,
      }))
      const isRight = ({ row, id, number }: (typeof numbered)[number]) =>
        row === undefined
          ? isStandIn(id)
          : id === row.eventId && (row.sequence === undefined ? number > given : number === row.sequence)
      expect(numbered.filter((one) => !isRight(one))).toEqual([])
      // Nothing stands in where a row would do.
      const first = rows.find(({ sequence }) => sequence === undefined)
      const numbers = new Set(rows.map(({ sequence }) => sequence))
      const until = first === undefined ? (rows.at(-1)?.sequence ?? last) : given
      const missing = Array.from({ length: until - last }, (_, index) => last + 1 + index).filter((n) =>
        !numbers.has(n)
      )
      expect(batch.outgoing.filter(({ row }) => row === undefined)).toHaveLength(missing.length)
    }))
  })

  it("says where an empty stream could go on before anything stands in", () => {
    expect(nextBatch("SIGNALS", [rowOf(1, 1_001)], { last: 0, given: 1_001, hasLeapt: false }))
      .toEqual({ do: "leap", nextSequence: 1_001 })
    expect(nextBatch("SIGNALS", [rowOf(1, undefined)], { last: 3, given: 9, hasLeapt: false }))
      .toEqual({ do: "leap", nextSequence: 10 })
    expect(nextBatch("SIGNALS", [rowOf(1, 4)], { last: 3, given: 9, hasLeapt: false })).toMatchObject({ do: "publish" })
  })

  it("asks for another look when the first number is taken, and publishes what comes before such a one", () => {
    const at = { last: 5, given: 9, hasLeapt: true }
    expect(nextBatch("SIGNALS", [rowOf(1, 5)], at)).toEqual({ do: "look" })
    expect(nextBatch("SIGNALS", [rowOf(1, 6), rowOf(2, 6)], at)).toMatchObject({ outgoing: [{ row: { position: 1 } }] })
  })

  it("bounds how many stand in at once, and gets there in the end", () => {
    let last = 0
    for (let round = 1; last < 2_501; round++) {
      const batch = nextBatch("SIGNALS", [rowOf(1, 2_501)], { last, given: 2_501, hasLeapt: true })
      if (batch.do !== "publish") throw new Error(`it says ${batch.do}`)
      expect(batch.outgoing.length).toBeLessThanOrEqual(1_001)
      last += batch.outgoing.length
      expect(round).toBeLessThan(5)
    }
  })
})

describe("the last event that outbox and broker both have", () => {
  const page = (ids: Readonly<Record<number, string>>) =>
    Object.entries(ids).map(([sequence, eventId]) => ({ sequence: Number(sequence), eventId }))

  it("is the highest number with the same id", () => {
    expect(lastAlike(page({ 1: "a", 2: "b", 3: "c" }), page({ 1: "a", 2: "b", 3: "c" })))
      .toEqual({ alike: 3, differs: false })
    expect(lastAlike(page({ 1: "a", 2: "b", 3: "c" }), page({ 1: "a", 2: "x", 3: "y" })))
      .toEqual({ alike: 1, differs: true })
  })

  it("is none where they parted before", () => {
    expect(lastAlike(page({ 1: "a", 2: "b" }), page({ 1: "x", 2: "a" }))).toEqual({ alike: undefined, differs: true })
  })

  it("is not told by a number that one of them has nothing under", () => {
    const unknown = { alike: undefined, differs: false }
    expect(lastAlike(page({ 1: "a", 3: "c" }), page({ 1: "a", 2: "x", 4: "y" }))).toEqual({ alike: 1, differs: false })
    expect(lastAlike([], page({ 1: "a" }))).toEqual(unknown)
    expect(lastAlike(page({ 1: "a" }), [])).toEqual(unknown)
  })
})

describe("what the relay says to operators", () => {
  const calm = { isLeading: true, waiting: 10, oldestAgeMs: 60_000, streams: [] }

  it("is nothing up to the thresholds, and one sentence beyond either", () => {
    expect(problemsOf(calm, 10)).toEqual([])
    expect(problemsOf({ ...calm, waiting: 11 }, 10)).toEqual(["11 events wait for NATS, the oldest for 60 s"])
    expect(problemsOf({ ...calm, oldestAgeMs: 61_999 }, 10)).toEqual(["10 events wait for NATS, the oldest for 61 s"])
  })

  it("names each stream that takes no events", () => {
    const stream = { stream: "SIGNALS" as const, foreign: 0, publishedAgain: 0, lost: 0, unpublishable: 0 }
    expect(problemsOf({ ...calm, streams: [{ ...stream, blocked: "full" }, { ...stream, blocked: undefined }] }, 10))
      .toEqual(["SIGNALS takes no events: full"])
  })
})
