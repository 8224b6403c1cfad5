import { describe, expect, it } from "vitest"
import type { Account } from "./account.ts"
import { inPoolByToken, inPoolByUser, keepChanged, type Pool } from "./pool.ts"
import { execute } from "./runCommands.ts"

const nowMs = Date.parse("2026-11-20T10:00:00Z")

const pool = (number = 0, tokenPrefix = "load-"): Pool => ({
  number,
  seed: "s",
  tokenPrefix,
  count: 20_000,
  itemsPerAccount: 4,
  timeZone: "UTC",
  createdAtMs: nowMs,
  pristine: new Map(),
  changed: new Map(),
})

const touch = (pools: ReadonlyArray<Pool>, index: number): Account => inPoolByToken(pools, `load-${index}`)!

describe("pool", () => {
  it("holds few of its accounts; a forgotten one comes back the same, a changed one stays", () => {
    const pools = [pool()]
    const [left, changed] = [touch(pools, 1), touch(pools, 2)]
    const [id] = [...changed.items.keys()]
    execute(changed, "item_close", { id }, nowMs)
    keepChanged(pools, changed)
    for (let index = 10; index < 6_010; index++) touch(pools, index)
    expect([pools[0]!.pristine.size, pools[0]!.changed.size]).toEqual([5_000, 1])
    const again = touch(pools, 1)
    expect(again).not.toBe(left)
    expect(again).toEqual(left)
    expect(touch(pools, 2)).toBe(changed)
  })

  it("the same account is found by token and by user id, and pools do not mix", () => {
    const pools = [pool(), pool(1, "more-")]
    const users = ["load-0", "load-19999", "more-0", "more-19999"].map((token) => inPoolByToken(pools, token)!)
    expect(new Set(users.map(({ userId }) => userId)).size).toBe(4)
    for (const account of users) expect(inPoolByUser(pools, account.userId)).toBe(account)
    expect(inPoolByUser(pools, "99123456789012")).toBeUndefined()
    expect([...users[0]!.items.keys()]).not.toEqual([...users[2]!.items.keys()])
  })
})
