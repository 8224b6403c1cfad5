import { describe, expect, it } from "vitest"
import type { Act } from "../Connector.ts"
import { syncRequest } from "./syncRequest.ts"

const act = (n: number): Act => ({
  actId: `f8539c77-7fd7-4846-afad-${String(n).padStart(12, "0")}`,
  kind: "complete",
  taskId: `task${n}`,
})

describe("sync request", () => {
  it("sync request - a read names the sync token and the resource types together, and no commands", () => {
    const request = syncRequest("a+b/c=&d", [])
    expect(request.path).toBe("/api/v1/sync")
    expect(request.contentType).toBe("application/x-www-form-urlencoded")
    expect(Object.fromEntries(new URLSearchParams(request.body))).toEqual({
      sync_token: "a+b/c=&d",
      resource_types: `["items","projects","user"]`,
    })
  })

  it("sync request - an act is an item_close whose uuid is the act's id", () => {
    const form = new URLSearchParams(syncRequest("*", [act(1), act(2)]).body)
    expect(form.get("sync_token")).toBe("*")
    expect(JSON.parse(form.get("commands") ?? "")).toEqual([
      { type: "item_close", uuid: act(1).actId, args: { id: "task1" } },
      { type: "item_close", uuid: act(2).actId, args: { id: "task2" } },
    ])
  })

  it("sync request - 100 acts fit, one more is a defect", () => {
    const acts = Array.from({ length: 101 }, (_, n) => act(n))
    expect(() => syncRequest("*", acts.slice(1))).not.toThrow()
    expect(() => syncRequest("*", acts)).toThrow(RangeError)
  })
})
