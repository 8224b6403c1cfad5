import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LinearModel } from "./LinearModel.ts"
import { ModelUnreadable } from "./modelBytes.ts"

const schemaHash = "00c0ffee00c0ffee"
const d = 5
const mean = Float64Array.of(0.2, -0.1, 0, 0.3, 0.05)
const precision = 2
const fresh = () => LinearModel.fromPrior({ schemaHash, mean, precision })

interface Row {
  readonly x: Float64Array
  readonly r: number
}
const row: fc.Arbitrary<Row> = fc.record({
  x: fc.float64Array({ minLength: d, maxLength: d, min: -1, max: 1, noNaN: true }),
  r: fc.double({ min: 0, max: 1, noNaN: true }),
})
const rows = fc.array(row, { maxLength: 40 })
const learned = (given: ReadonlyArray<Row>) => {
  const model = fresh()
  for (const { x, r } of given) model.update(x, r)
  return model
}

/** The same posterior from scratch: (λI + XᵀX) θ = λθ₀ + Xᵀr, by elimination with pivoting. */
const normalEquations = (given: ReadonlyArray<Row>): Array<number> => {
  const system = Array.from(mean, (value, i) => {
    const line = Array.from(mean, (_, j) => (i === j ? precision : 0))
    let right = precision * value
    for (const { x, r } of given) {
      for (let j = 0; j < d; j++) line[j]! += x[i]! * x[j]!
      right += r * x[i]!
    }
    return [...line, right]
  })
  for (let k = 0; k < d; k++) {
    const pivot = system.slice(k).reduce((best, line) => Math.abs(line[k]!) > Math.abs(best[k]!) ? line : best)
    system.splice(system.indexOf(pivot), 1)
    system.splice(k, 0, pivot)
    for (const line of system) {
      if (line === pivot) continue
      const factor = line[k]! / pivot[k]!
      for (let j = k; j <= d; j++) line[j]! -= factor * pivot[j]!
    }
  }
  return system.map((line, k) => line[d]! / line[k]!)
}

const distance = (left: ArrayLike<number>, right: ArrayLike<number>): number =>
  Math.max(...Array.from(left, (value, j) => Math.abs(value - right[j]!)))

describe("linear model", () => {
  it("predicts the prior before it has learned", () => {
    expect(distance(fresh().coefficients(), mean)).toBeLessThan(1e-10)
  })

  it("has the coefficients the normal equations give", () => {
    fc.assert(fc.property(rows, (given) => {
      expect(distance(learned(given).coefficients(), normalEquations(given))).toBeLessThan(1e-10)
    }))
  })

  it("forgets a row as if it had never been learned, whichever it was", () => {
    fc.assert(fc.property(rows, row, rows, (before, taken, after) => {
      const model = learned([...before, taken, ...after])
      expect(model.downdate(taken.x, taken.r)).toBe(true)
      expect(distance(model.coefficients(), learned([...before, ...after]).coefficients())).toBeLessThan(1e-10)
    }))
  })

  it("refuses to forget what it never learned, and stays as it was", () => {
    const model = fresh()
    const before = model.hash()
    expect(model.downdate(Float64Array.of(1, 0, 0, 0, 0), 1)).toBe(false)
    expect(model.downdate(Float64Array.of(1, 1, 1, 1, 1), 1)).toBe(false)
    expect(model.hash()).toBe(before)
  })

  it("learning and forgetting a hundred times leaves no visible trace", () => {
    const model = learned([{ x: Float64Array.of(1, 0.5, 0, 1, 0), r: 1 }])
    const before = model.coefficients().slice()
    const x = Float64Array.of(1, 0.1, 0.7, 0, 1)
    for (let i = 0; i < 100; i++) {
      model.update(x, 0.3)
      expect(model.downdate(x, 0.3)).toBe(true)
    }
    expect(distance(model.coefficients(), before)).toBeLessThan(1e-10)
  })

  it("predicts from the row at the offset of a matrix", () => {
    const model = learned([{ x: Float64Array.of(1, 0, 0, 1, 0), r: 1 }])
    const matrix = Float64Array.of(9, 9, 9, 9, 9, 1, 0, 0.5, 0, 1)
    expect(model.predict(matrix, d)).toBe(model.predict(matrix.slice(d)))
  })

  it("comes back from its bytes bit for bit, and learns on alike", () => {
    fc.assert(fc.property(rows, row, (given, next) => {
      const model = learned(given)
      const again = LinearModel.decode(model.encode(), schemaHash)
      expect(again.encode()).toEqual(model.encode())
      expect(again.coefficients()).toEqual(model.coefficients())
      model.update(next.x, next.r)
      again.update(next.x, next.r)
      expect(again.hash()).toBe(model.hash())
    }))
  })

  it("a copy goes its own way", () => {
    const model = learned([{ x: Float64Array.of(1, 0, 0, 0, 0), r: 1 }])
    const before = model.encode()
    const copy = model.copy()
    expect(copy.encode()).toEqual(before)
    copy.update(Float64Array.of(0, 1, 0, 0, 0), 1)
    expect(model.encode()).toEqual(before)
    expect(copy.encode()).not.toEqual(before)
  })

  it.each<[string, (bytes: Uint8Array, view: DataView) => Uint8Array | void]>([
    ["magic", (_, view) => view.setUint8(0, 0)],
    ["version", (_, view) => view.setUint16(4, 2, true)],
    ["length", (bytes) => bytes.slice(0, -1)],
    ["length", (bytes) => bytes.slice(0, 10)],
    ["length", (_, view) => view.setUint16(6, d + 1, true)],
    ["schema", (_, view) => view.setUint8(8, 1)],
    ["not-finite", (_, view) => view.setFloat64(24, NaN, true)],
    ["not-finite", (bytes, view) => view.setFloat64(bytes.length - 8, Infinity, true)],
    ["not-positive", (bytes, view) => view.setFloat64(bytes.length - 8, -1, true)],
    ["not-positive", (_, view) => view.setFloat64(16, 0, true)],
  ])("bytes are refused for %s", (reason, spoil) => {
    const bytes = fresh().encode()
    const spoilt = spoil(bytes, new DataView(bytes.buffer)) ?? bytes
    expect(() => LinearModel.decode(spoilt, schemaHash)).toThrow(new ModelUnreadable(reason as "magic"))
  })

  it("a row that is not finite or too short is refused and changes nothing", () => {
    const model = fresh()
    const before = model.hash()
    expect(() => model.update(Float64Array.of(1, NaN, 0, 0, 0), 1)).toThrow(RangeError)
    expect(() => model.update(Float64Array.of(1, 0, 0, 0, 0), Infinity)).toThrow(RangeError)
    expect(() => model.update(Float64Array.of(1), 1)).toThrow(RangeError)
    expect(model.hash()).toBe(before)
  })
})
