import { describe, expect, it } from "vitest"
import { figure, linesOf } from "./table.ts"

describe("bench table", () => {
  it("compares every row with the baseline, and gives each again as one JSON line", () => {
    const lines = linesOf({
      bench: "recommend",
      unit: "requests/s",
      baseline: "fixed body",
      rows: [
        { name: "fixed body", value: 4000, more: { p50Ms: 1.23456 } },
        { name: "recommend", value: 2600, more: { p50Ms: 2, note: "committed" } },
      ],
    })
    expect(lines).toEqual([
      "recommend   requests/s   ratio  p50Ms       note",
      "----------  ----------  ------  -----  ---------",
      "fixed body        4000     1 x  1.235           ",
      "recommend         2600  0.65 x      2  committed",
      "",
      '{"bench":"recommend","row":"fixed body","value":4000,"unit":"requests/s","ratio":1,"p50Ms":1.23456}',
      '{"bench":"recommend","row":"recommend","value":2600,"unit":"requests/s","ratio":0.65,"p50Ms":2,' +
      '"note":"committed"}',
    ])
  })

  it("has no ratio without its baseline", () => {
    expect(() => linesOf({ bench: "a", unit: "s", baseline: "b", rows: [] })).toThrow("no row is named b")
  })

  it("shows four digits that matter, and a dash for what was not measured", () => {
    expect([0.000123456, 12.3456, 999.96, 123456.7, NaN, Infinity].map(figure))
      .toEqual(["0.0001235", "12.35", "1000", "123457", "-", "-"])
  })
})
