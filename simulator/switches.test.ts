import { describe, expect, it } from "vitest"
import { type Account, apply } from "./account.ts"
import type { AccountEvent } from "./accountEvent.ts"
import { isApiError } from "./apiError.ts"
import type { CommandEnv } from "./commandEnv.ts"
import { runCommands } from "./runCommands.ts"
import { seedAccount } from "./seed.ts"
import { defaultSwitches, readSwitches, switchesHelp, switchTable } from "./switches.ts"
import { answerSync } from "./sync.ts"
import { readSyncRequest } from "./syncRequest.ts"
import type { Item } from "./wire.ts"

const nowMs = Date.parse("2026-11-20T10:00:00Z")
const newAccount = () => seedAccount({ seed: "s", user: "u", nowMs, timeZone: "UTC", taskCount: 12 })

const under = (given: object): CommandEnv => {
  const switches = readSwitches(given)
  if (typeof switches === "string") throw new Error(switches)
  return { switches: { ...defaultSwitches(), ...switches }, observe: () => {} }
}

const one = (
  account: Account,
  env: CommandEnv,
  type: string,
  args: Record<string, unknown>,
  uuid = `${Math.random()}`,
) => runCommands(account, [{ type, uuid, args }], nowMs, env).sync_status[uuid]

const sync = (account: Account, env: CommandEnv, syncToken = "*") => {
  const request = readSyncRequest({ sync_token: syncToken, resource_types: ["items"] })
  if (isApiError(request)) throw new Error(request.error)
  const body = answerSync(account, request, { secret: "s", nowMs, env })
  if (isApiError(body)) throw new Error(body.error_tag)
  return body as unknown as { items: ReadonlyArray<Item>; sync_token: string; full_sync: boolean }
}

describe("switches", () => {
  it("edge case 13 - the tasks of a deleted project come as tombstones, or vanish without a word", () => {
    for (const projectDelete of ["tombstones", "vanish"]) {
      const [account, env] = [newAccount(), under({ projectDelete })]
      const { sync_token: token, items } = sync(account, env)
      const project = items.find((item) => item.project_id !== account.inboxProjectId)!.project_id
      const inside = items.filter((item) => item.project_id === project).map(({ id }) => id)
      expect(one(account, env, "project_delete", { id: project })).toBe("ok")
      expect(sync(account, env, token).items.map((item) => [item.id, item.is_deleted]).sort())
        .toEqual(projectDelete === "vanish" ? [] : inside.map((id) => [id, true]).sort())
      expect(sync(account, env).items.some(({ id }) => inside.includes(id))).toBe(false)
      expect(one(account, env, "item_close", { id: inside[0] })).toMatchObject({ error_tag: "ITEM_NOT_FOUND" })
    }
  })

  it("edge case 21 - a second close of a completed task is ok or not found", () => {
    const [account, lenient, strict] = [newAccount(), under({}), under({ secondClose: "error" })]
    const { id } = sync(account, lenient).items.find(({ due }) => due === null)!
    expect([lenient, lenient, strict].map((env) => one(account, env, "item_close", { id })))
      .toMatchObject(["ok", "ok", { error_tag: "ITEM_NOT_FOUND" }])
  })

  it("edge case 21 - a repeated uuid is ok, or already processed; in both it ran once", () => {
    const [account, lenient, strict] = [newAccount(), under({}), under({ uuidReplay: "already-processed" })]
    const { id } = sync(account, lenient).items.find(({ due }) => due?.is_recurring)!
    const close = (env: CommandEnv) => one(account, env, "item_close", { id }, "one-intent")
    expect([close(lenient), close(lenient), close(strict)])
      .toMatchObject(["ok", "ok", { error: "Sync item already processed. Ignored" }])
    expect(account.items.get(id)?.value.completed_count).toBe(1)
  })

  it("edge case 2 - a full sync can lag, and the next incremental makes up for it", () => {
    const [account, env] = [newAccount(), under({ fullSyncLagMs: 60_000 })]
    const { id } = sync(account, env).items[0]!
    apply(account, [{ table: "items", value: { ...account.items.get(id)!.value, content: "just now" } }], nowMs - 1_000)
    const lagging = sync(account, env)
    expect(lagging).toMatchObject({ full_sync_date_utc: "2026-11-20T09:59:00.000000Z" })
    expect(sync(account, env, lagging.sync_token).items).toMatchObject([{ content: "just now" }])
  })

  it("items have the 23 documented keys, and completed_count unless switched off", () => {
    const documented = Object.keys(sync(newAccount(), under({ completedCount: "absent" })).items[0]!)
    expect(documented).toHaveLength(23)
    expect(Object.keys(sync(newAccount(), under({})).items[0]!).sort()).toEqual(
      [...documented, "completed_count"].sort(),
    )
  })

  it("edge case 5 - a token that is not valid can be answered with a full reply", () => {
    const account = newAccount()
    expect(() => sync(account, under({}), "bad")).toThrow("SYNC_TOKEN_INVALID")
    expect(sync(account, under({ invalidSyncToken: "silent-full" }), "bad").full_sync).toBe(true)
  })

  it("unknown names and values are refused in words; numbers may be text; the help lists all", () => {
    for (
      const wrong of [{ nope: 1 }, { secondClose: "maybe" }, { refreshGraceMs: -1 }, { refreshGraceMs: "x" }, [], null]
    ) {
      expect(typeof readSwitches(wrong)).toBe("string")
    }
    expect(readSwitches({ refreshGraceMs: "5" })).toEqual({ refreshGraceMs: 5 })
    for (const name of Object.keys(switchTable)) expect(switchesHelp()).toContain(`${name}: `)
  })
})

describe("events of an account", () => {
  it("say what happened to each object, and nothing of objects only sent again", () => {
    const account = newAccount()
    const told: Array<AccountEvent> = []
    const env: CommandEnv = { switches: defaultSwitches(), observe: (_, events) => void told.push(...events) }
    const { project_id: project } = sync(account, env).items.find((item) => item.project_id !== account.inboxProjectId)!
    one(account, env, "project_archive", { id: project })
    one(account, env, "project_unarchive", { id: project })
    expect(told.map(({ name }) => name)).toEqual(["project:archived", "project:unarchived"])
    const { id } = sync(account, env).items.find(({ due }) => due?.is_recurring)!
    one(account, env, "item_close", { id })
    one(account, env, "item_update", { id, responsible_uid: account.userId })
    expect(told.slice(2).map(({ name, intent }) => [name, intent])).toEqual([
      ["item:updated", "item_completed"],
      ["item:updated", "responsible_uid_changed"],
    ])
  })
})
