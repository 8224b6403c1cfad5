import { describe, expect, it } from "vitest"
import type { Account } from "./account.ts"
import { type Command, execute, runCommands } from "./runCommands.ts"
import { seedAccount } from "./seed.ts"

const nowMs = Date.parse("2026-11-20T10:00:00Z")
const newAccount = (taskCount = 10) => seedAccount({ seed: "s", user: "u", nowMs, timeZone: "UTC", taskCount })

let counter = 0
const command = (type: string, args: Command["args"], tempId?: string): Command => ({
  type,
  uuid: `uuid-${counter++}`,
  args,
  ...(tempId === undefined ? {} : { temp_id: tempId }),
})

const add = (account: Account, args: Command["args"]): string => {
  const decided = execute(account, "item_add", { content: "made", ...args }, nowMs)
  if (!("subject" in decided)) throw new Error(decided.error)
  return decided.subject
}

const one = (account: Account, type: string, args: Command["args"]) => {
  const sent = command(type, args)
  return runCommands(account, [sent], nowMs).sync_status[sent.uuid]
}

const item = (account: Account, id: string) => account.items.get(id)!.value

describe("commands", () => {
  it("each stands alone: later ones run after a failed one", () => {
    const account = newAccount()
    const sent = [
      command("item_close", { id: "missing" }),
      command("item_add", { content: "kept" }),
      command("item_fly", {}),
    ]
    const { sync_status: status } = runCommands(account, sent, nowMs)
    expect(sent.map(({ uuid }) => status[uuid])).toMatchObject([
      { error_code: 22, error_tag: "ITEM_NOT_FOUND", http_code: 404, error_extra: { event_id: expect.any(String) } },
      "ok",
      { error_code: 20, http_code: 400 },
    ])
    expect([...account.items.values()].some(({ value }) => value.content === "kept")).toBe(true)
  })

  it("a failed command leaves no trace in the tables", () => {
    const account = newAccount()
    const { seq } = account
    one(account, "item_add", { content: "x", priority: 9 })
    one(account, "item_add", { content: "x", due: { string: "when pigs fly" } })
    one(account, "item_add", { content: "x", project_id: "nowhere" })
    one(account, "item_add", { content: "" })
    expect(account.seq).toBe(seq)
  })

  it("a repeated uuid gets the first answer and is not executed again", () => {
    const account = newAccount()
    const id = add(account, { due: { string: "every day" } })
    const sent = command("item_close", { id })
    const made = command("item_add", { content: "x" }, "temp-1")
    const first = runCommands(account, [sent, made], nowMs)
    const { seq } = account
    expect(runCommands(account, [sent, made], nowMs + 1)).toEqual(first)
    expect(account.seq).toBe(seq)
    expect(item(account, id).completed_count).toBe(1)
    expect(account.ledger.find(({ uuid }) => uuid === sent.uuid)).toMatchObject({
      executed: 1,
      received: 2,
      taskId: id,
    })
  })

  it("temporary ids of the same call stand for what was made", () => {
    const account = newAccount()
    const [project, task, child] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()]
    const { sync_status: status, temp_id_mapping: ids } = runCommands(account, [
      command("project_add", { name: "New" }, project),
      command("item_add", { content: "task", project_id: project }, task),
      command("item_add", { content: "child", parent_id: task }, child),
    ], nowMs)
    expect(Object.values(status)).toEqual(["ok", "ok", "ok"])
    expect(item(account, ids[child]!)).toMatchObject({ parent_id: ids[task], project_id: ids[project] })
    expect(one(account, "item_add", { content: "x", parent_id: crypto.randomUUID() })).toMatchObject({ error_code: 15 })
  })

  it("closing a task completes what is below it, and a second close is ok", () => {
    const account = newAccount()
    const parent = add(account, {})
    const child = add(account, { parent_id: parent })
    expect(one(account, "item_close", { id: parent })).toBe("ok")
    expect(item(account, child)).toMatchObject({ checked: true, completed_count: 1 })
    expect(one(account, "item_close", { id: parent })).toBe("ok")
    expect(item(account, parent)).toMatchObject({ checked: true, completed_count: 1 })
  })

  it("closing a recurring task moves its date and never checks it; each close skips one more", () => {
    const account = newAccount()
    const id = add(account, { due: { string: "every day" } })
    one(account, "item_close", { id })
    expect(item(account, id)).toMatchObject({ checked: false, completed_at: null, completed_count: 1 })
    expect(item(account, id).due?.date).toBe("2026-11-21")
    one(account, "item_close", { id })
    expect(item(account, id).due?.date).toBe("2026-11-22")
  })

  it.each(["completed_at", "date_completed"])("item_complete finishes a recurring task, at its %s", (key) => {
    const account = newAccount()
    const id = add(account, { due: { string: "every day" } })
    expect(one(account, "item_complete", { id, [key]: "2026-11-19T08:00:00Z" })).toBe("ok")
    expect(item(account, id)).toMatchObject({ checked: true, completed_at: "2026-11-19T08:00:00.000000Z" })
  })

  it("item_update_date_complete sets the given date and can reset what is below", () => {
    const account = newAccount()
    const id = add(account, { due: { string: "every week" } })
    const child = add(account, { parent_id: id })
    one(account, "item_close", { id: child })
    one(account, "item_update_date_complete", {
      id,
      due: { date: "2026-12-24" },
      is_forward: 1,
      reset_subtasks: 1,
    })
    expect(item(account, id)).toMatchObject({
      completed_count: 1,
      due: { date: "2026-12-24", string: "every week", is_recurring: true },
    })
    expect(item(account, child).checked).toBe(false)
  })

  it("item_uncomplete reopens the tasks above too", () => {
    const account = newAccount()
    const parent = add(account, {})
    const child = add(account, { parent_id: parent })
    one(account, "item_close", { id: parent })
    one(account, "item_uncomplete", { id: child })
    expect([item(account, parent).checked, item(account, child).checked]).toEqual([false, false])
  })

  it("item_delete leaves tombstones, which no command finds any more", () => {
    const account = newAccount()
    const parent = add(account, {})
    const child = add(account, { parent_id: parent })
    one(account, "item_delete", { id: parent })
    expect([item(account, parent).is_deleted, item(account, child).is_deleted]).toEqual([true, true])
    expect(one(account, "item_close", { id: child })).toMatchObject({ error_code: 22 })
  })

  it("item_move takes the tasks below along and refuses a circle", () => {
    const account = newAccount()
    const parent = add(account, {})
    const child = add(account, { parent_id: parent })
    const other = [...account.projects.keys()].at(-1)!
    expect(one(account, "item_move", { id: parent, parent_id: child })).toMatchObject({ error_code: 20 })
    expect(one(account, "item_move", { id: parent, project_id: other })).toBe("ok")
    expect(item(account, child).project_id).toBe(other)
  })

  it("deleting a project deletes its items; the Inbox stays", () => {
    const account = newAccount()
    const project = [...account.projects.keys()].at(-1)!
    const id = add(account, { project_id: project })
    expect(one(account, "project_delete", { id: project })).toBe("ok")
    expect(item(account, id).is_deleted).toBe(true)
    expect(one(account, "project_delete", { id: account.inboxProjectId })).toMatchObject({ http_code: 403 })
  })
})
