import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Cursor, decodeCursor, encodeCursor } from "./cursor.ts"

const cursor: Cursor = {
  syncToken: "TnYUZEpuzf2FMA9q",
  projects: new Map([["p1", { name: "Garden 🌱", isArchived: false }], ["p2", { name: "Old", isArchived: true }]]),
  timeZone: "Europe/Berlin",
  userId: "40112233",
  quarantined: ["6X7rM8997g3RQmv1"],
}

describe("cursor", () => {
  it("cursor - what is written is read back", () => {
    expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor)
    const bare: Cursor = { syncToken: "t", projects: new Map(), timeZone: null, userId: null, quarantined: [] }
    expect(decodeCursor(encodeCursor(bare))).toEqual(bare)
  })

  it("cursor - version 2 has this shape for as long as one is stored somewhere", () => {
    expect(JSON.parse(encodeCursor(cursor))).toEqual({
      v: 2,
      syncToken: "TnYUZEpuzf2FMA9q",
      projects: { p1: { name: "Garden 🌱", archived: false }, p2: { name: "Old", archived: true } },
      timeZone: "Europe/Berlin",
      userId: "40112233",
      quarantined: ["6X7rM8997g3RQmv1"],
    })
  })

  it("cursor - version 1 knew of no quarantine, and is read for as long as one is stored somewhere", () => {
    const { quarantined: _, ...rest } = JSON.parse(encodeCursor(cursor))
    expect(decodeCursor(JSON.stringify({ ...rest, v: 1 }))).toEqual({ ...cursor, quarantined: [] })
  })

  it("edge case 18 - the cursor remembers a bounded number of tasks that could not be understood", () => {
    const many = Array.from({ length: 500 }, (_, n) => `task${n}`)
    expect(decodeCursor(encodeCursor({ ...cursor, quarantined: many }))?.quarantined).toEqual(many.slice(0, 200))
  })

  it("cursor - none, an unknown version and a damaged one all mean: read everything", () => {
    const encoded = encodeCursor(cursor)
    expect(decodeCursor(null)).toBeNull()
    expect(decodeCursor("")).toBeNull()
    expect(decodeCursor(encoded.replace(`"v":2`, `"v":3`))).toBeNull()
    expect(decodeCursor(encoded.slice(0, -3))).toBeNull()
    expect(decodeCursor(encoded.replace("TnYUZEpuzf2FMA9q", ""))).toBeNull()
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => decodeCursor(text) === null))
  })

  it("cursor - a zone this runtime does not know is dropped, the rest is kept", () => {
    const read = decodeCursor(encodeCursor({ ...cursor, timeZone: "Mars/Olympus" }))
    expect(read).toEqual({ ...cursor, timeZone: null })
  })
})
