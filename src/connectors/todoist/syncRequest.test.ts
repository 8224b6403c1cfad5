import { describe, expect, it } from "vitest"
import type { Act } from "../Connector.ts"
import { actRequest, readRequest } from "./syncRequest.ts"

const act = (n: number): Act => ({
  actId: `f8539c77-7fd7-4846-afad-${String(n).padStart(12, "0")}`,
  kind: "complete",
  taskId: `task${n}`,
})

describe("sync request", () => {
  it("sync request - a read names the sync token and the resource types together, and no commands", () => {
    expect(readRequest("a+b/c=&d")).toEqual({
      sync_token: "a+b/c=&d",
      resource_types: `["items","projects","user"]`,
    })
  })

  it("edge case 7 - a write names neither a sync token nor resource types", () => {
    expect(Object.keys(actRequest([act(1)]))).toEqual(["commands"])
  })

  it("edge case 20 - an act is an item_close whose uuid is the act's id", () => {
    expect(JSON.parse(actRequest([act(1), act(2)])["commands"] ?? "")).toEqual([
      { type: "item_close", uuid: act(1).actId, args: { id: "task1" } },
      { type: "item_close", uuid: act(2).actId, args: { id: "task2" } },
    ])
  })

  it("sync request - 100 acts fit, one more is a defect", () => {
    const acts = Array.from({ length: 101 }, (_, n) => act(n))
    expect(() => actRequest(acts.slice(1))).not.toThrow()
    expect(() => actRequest(acts)).toThrow(RangeError)
  })
})
