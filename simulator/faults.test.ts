import { describe, expect, it } from "vitest"
import { type Call, enqueue, type Faults, readFault, readRates, takeFault } from "./faults.ts"
import { admit, emptyWindows } from "./limits.ts"
import { newFaults } from "./world.ts"

const call = (more: Partial<Call> = {}): Call => ({
  token: "t",
  userId: "u",
  endpoint: "api",
  writes: false,
  fullRead: true,
  incrementalRead: false,
  ...more,
})

const scripted = (...entries: ReadonlyArray<unknown>): Faults => {
  const faults = newFaults("s")
  for (const entry of entries) {
    const read = readFault(entry)
    if (typeof read === "string") throw new Error(read)
    enqueue(faults, read)
  }
  return faults
}

describe("faults", () => {
  it("a script is served in order, each entry as often as it says", () => {
    const faults = scripted({ fault: "429", times: 2 }, { fault: "500" })
    expect([1, 2, 3, 4].map(() => takeFault(faults, call())?.fault)).toEqual(["429", "429", "500", undefined])
  })

  it("an entry waits for a call it suits", () => {
    const faults = scripted({ fault: "500", on: "write" }, { fault: "503", token: "other" }, {
      fault: "invalid-sync-token",
    })
    expect(takeFault(faults, call())).toBeUndefined()
    expect(takeFault(faults, call({ writes: true }))?.fault).toBe("500")
    expect(takeFault(faults, call({ token: "other" }))?.fault).toBe("503")
    expect(takeFault(faults, call({ fullRead: false, incrementalRead: true }))?.fault).toBe("invalid-sync-token")
  })

  it("probabilities hit about as often as they say, the same way for the same seed", () => {
    const run = () => {
      const faults: Faults = { ...newFaults("s"), rates: { "429": 0.1 } }
      return Array.from({ length: 5_000 }, () => takeFault(faults, call())?.fault === "429")
    }
    const hits = run()
    expect(hits.filter(Boolean).length).toBeGreaterThan(400)
    expect(hits.filter(Boolean).length).toBeLessThan(600)
    expect(run()).toEqual(hits)
  })

  it.each<unknown>([
    "429",
    {},
    { fault: "418" },
    { fault: "429", times: 0 },
    { fault: "429", tmes: 1 },
    { fault: "slow", delayMs: -1 },
    { fault: "429", constructor: 1 },
  ])("the entry %j is refused in words", (entry) => {
    expect(typeof readFault(entry)).toBe("string")
  })

  it("probabilities outside 0 to 1 and unknown faults are refused in words", () => {
    expect(typeof readRates({ "429": 2 })).toBe("string")
    expect(typeof readRates({ "418": 0.1 })).toBe("string")
    expect(readRates({ slow: 1 })).toEqual({ slow: 1 })
  })
})

describe("limits", () => {
  const limits = { partialMax: 3, fullMax: 1, windowMs: 10_000 }

  it("admits the limit within a window, then says how many seconds to wait", () => {
    const windows = emptyWindows()
    expect([0, 1_000, 2_000].map((at) => admit(windows, limits, "partial", at))).toEqual([0, 0, 0])
    expect(admit(windows, limits, "partial", 3_000)).toBe(7)
    expect(admit(windows, limits, "full", 3_000)).toBe(0)
    expect(admit(windows, limits, "full", 3_000)).toBe(10)
    expect(admit(windows, limits, "partial", 9_999)).toBe(1)
    expect(admit(windows, limits, "partial", 10_000)).toBe(0)
  })
})
