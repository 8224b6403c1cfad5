import { describe, expect, it } from "vitest"
import { makeLanes } from "./lanes.ts"

/** Work that ends when told, and says when it began. */
const work = (began: Array<string>, name: string) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { end: resolve, run: () => (began.push(name), promise) }
}

describe("lanes", () => {
  it("each lane does one thing at a time in order, and a slow one holds up only itself", async () => {
    const lanes = makeLanes(2, 100)
    const began: Array<string> = []
    const [a1, a2, b1, b2, c1] = ["a1", "a2", "b1", "b2", "c1"].map((name) => work(began, name))
    for (const [lane, one] of [["a", a1], ["a", a2], ["b", b1], ["b", b2], ["c", c1]] as const) {
      lanes.add(lane, one!.run)
    }
    expect(began).toEqual(["a1", "b1"])
    b1!.end()
    await expect.poll(() => began).toEqual(["a1", "b1", "c1"])
    c1!.end()
    await expect.poll(() => began).toEqual(["a1", "b1", "c1", "b2"])
    a1!.end()
    await expect.poll(() => began.at(-1)).toBe("a2")
    expect(lanes.waiting()).toBe(0)
  })

  it("beyond its bound, and once stopped, it takes nothing", () => {
    const lanes = makeLanes(1, 1)
    const hang = () => new Promise<void>(() => {})
    expect([lanes.add("a", hang), lanes.add("a", hang), lanes.add("a", hang)]).toEqual([true, true, false])
    lanes.stop()
    expect([lanes.add("b", hang), lanes.waiting()]).toEqual([false, 0])
  })
})
