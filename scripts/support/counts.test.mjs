import { describe, expect, it } from "vitest"
import { countsOf } from "./counts.mjs"

const file = (status, ...tests) => ({
  name: "x.test.ts",
  status,
  assertionResults: tests.map((test) => ({ status: test })),
})
const report = (numPassedTests, numFailedTests, ...testResults) => ({
  numPassedTests,
  numFailedTests,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults,
})

describe("counts of a test run", () => {
  it("are those of the report when it tells the whole story", () => {
    expect(countsOf(report(2, 1, file("failed", "passed", "failed"), file("passed", "passed")), 1))
      .toEqual({ passed: 2, failed: 1, skipped: 0, reasons: [] })
    expect(countsOf(report(2, 0, file("passed", "passed", "passed")), 0))
      .toEqual({ passed: 2, failed: 0, skipped: 0, reasons: [] })
  })

  it("hold one failure for a file that could not be loaded", () => {
    expect(countsOf(report(1, 0, file("passed", "passed"), file("failed")), 1))
      .toEqual({ passed: 1, failed: 1, skipped: 0, reasons: ["x.test.ts failed outside its tests"] })
  })

  it("hold one failure when no test ran, nothing was reported, or the run itself went wrong", () => {
    expect(countsOf(report(0, 0), 1)).toMatchObject({ failed: 1, reasons: ["no test ran"] })
    expect(countsOf(report(0, 0), 0)).toMatchObject({ failed: 1 })
    expect(countsOf(undefined, 0)).toMatchObject({ failed: 1 })
    expect(countsOf(report(3, 0, file("passed", "passed")), 1)).toMatchObject({ passed: 3, failed: 1 })
  })
})
