import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Account, finishedItemsMax } from "./account.ts"
import { isApiError } from "./apiError.ts"
import { execute, runCommands } from "./runCommands.ts"
import { seedAccount } from "./seed.ts"
import { answerSync, type SyncSettings } from "./sync.ts"
import { readSyncRequest, type SyncRequest } from "./syncRequest.ts"
import type { Item, Project, Section } from "./wire.ts"

const nowMs = Date.parse("2026-11-20T10:00:00Z")
const newAccount = (user = "u") => seedAccount({ seed: "s", user, nowMs, timeZone: "UTC", taskCount: 12 })
const settings: SyncSettings = { secret: "secret", nowMs }

const request = (fields: Record<string, unknown>): SyncRequest => {
  const read = readSyncRequest(fields)
  if (isApiError(read)) throw new Error(read.error)
  return read
}

type Body = {
  readonly full_sync: boolean
  readonly full_sync_date_utc?: string
  readonly sync_token: string
  readonly items: ReadonlyArray<Item>
  readonly projects: ReadonlyArray<Project>
  readonly sections: ReadonlyArray<Section>
}

const sync = (account: Account, syncToken: string, more: Partial<SyncSettings> = {}): Body => {
  const fields = { sync_token: syncToken, resource_types: ["items", "projects", "sections", "user"] }
  const body = answerSync(account, request(fields), { ...settings, ...more })
  if (isApiError(body)) throw new Error(body.error_tag)
  return body as unknown as Body
}

describe("sync", () => {
  it("full shows only what is active; incremental shows everything changed, whole", () => {
    const account = newAccount()
    const full = sync(account, "*")
    const [done, gone] = full.items.filter(({ due }) => due === null).map(({ id }) => id)
    execute(account, "item_close", { id: done }, nowMs)
    execute(account, "item_delete", { id: gone }, nowMs)
    const later = sync(account, full.sync_token)
    expect(later.full_sync).toBe(false)
    expect(later.items.find(({ id }) => id === done)).toMatchObject({ checked: true, is_deleted: false })
    expect(later.items.find(({ id }) => id === gone)).toMatchObject({ is_deleted: true })
    expect(Object.keys(later.items[0]!).sort()).toEqual(Object.keys(full.items[0]!).sort())
    expect(sync(account, "*").items.some(({ id }) => id === done || id === gone)).toBe(false)
    expect(sync(account, later.sync_token)).toMatchObject({ items: [], projects: [], full_sync: false })
  })

  it("a call that only writes says full_sync without any array", () => {
    const account = newAccount()
    const commands = [{ type: "item_add", uuid: "a", args: { content: "x" } }]
    expect(Object.keys(answerSync(account, request({ commands }), settings)).sort()).toEqual(
      ["full_sync", "full_sync_date_utc", "sync_status", "sync_token", "temp_id_mapping"],
    )
    expect(answerSync(account, request({ commands }), settings)).toMatchObject({ full_sync: true })
  })

  it("a call that writes and reads sees its own writes", () => {
    const account = newAccount()
    const commands = [{ type: "item_add", uuid: "a", args: { content: "echo" } }]
    const token = sync(account, "*").sync_token
    const body = answerSync(account, request({ sync_token: token, resource_types: '["items"]', commands }), settings)
    expect(body).toMatchObject({ full_sync: false, items: [{ content: "echo" }], sync_status: { a: "ok" } })
  })

  it("tokens are 60 url-safe characters that only their own account and epoch accept", () => {
    const account = newAccount()
    const token = sync(account, "*").sync_token
    expect(token).toMatch(/^[\w-]{60}$/)
    const flipped = `${token.slice(0, 20)}${token[20] === "A" ? "B" : "A"}${token.slice(21)}`
    for (const bad of ["nonsense", "", flipped, `${token}A`, sync(newAccount("other"), "*").sync_token]) {
      expect(() => sync(account, bad)).toThrow("SYNC_TOKEN_INVALID")
      expect(sync(account, bad, { invalidTokenMode: "silent-full" }).full_sync).toBe(true)
    }
    expect(() => sync(account, token, { secret: "another" })).toThrow("SYNC_TOKEN_INVALID")
    account.epoch++
    expect(() => sync(account, token)).toThrow("SYNC_TOKEN_INVALID")
  })

  it("a call with a bad token executes none of its commands", () => {
    const account = newAccount()
    const { seq } = account
    const commands = [{ type: "item_add", uuid: "a", args: { content: "x" } }]
    answerSync(account, request({ sync_token: "bad", resource_types: ["items"], commands }), settings)
    expect(account.seq).toBe(seq)
  })

  it("a token older than forgotten tombstones is invalid", () => {
    const account = newAccount()
    const { sync_token: token } = sync(account, "*")
    for (let i = 0; i <= finishedItemsMax; i++) {
      const made = execute(account, "item_add", { content: "x" }, nowMs)
      if ("subject" in made) execute(account, "item_close", { id: made.subject }, nowMs)
    }
    expect(account.items.size).toBeLessThanOrEqual(finishedItemsMax + 12)
    expect(() => sync(account, token)).toThrow("SYNC_TOKEN_INVALID")
  })

  it("a stale snapshot is made whole by the next incremental call", () => {
    const account = newAccount()
    execute(account, "item_add", { content: "recent" }, nowMs - 60_000)
    const stale = sync(account, "*", { staleMs: 600_000 })
    expect(stale.full_sync_date_utc).toBe("2026-11-20T09:50:00.000000Z")
    expect(stale.items).toHaveLength(12)
    expect(sync(account, stale.sync_token).items).toMatchObject([{ content: "recent" }])
  })

  it("an unarchived project comes with its sections and items, for clients that never saw them", () => {
    const account = newAccount()
    const id = [...account.projects.keys()].at(-1)
    const made = execute(account, "item_add", { content: "inside", project_id: id }, nowMs)
    execute(account, "section_add", { name: "part", project_id: id }, nowMs)
    execute(account, "project_archive", { id }, nowMs)
    const without = sync(account, "*")
    expect(without.sections).toEqual([])
    expect(without.projects.some((project) => project.id === id)).toBe(false)
    execute(account, "project_unarchive", { id }, nowMs)
    const later = sync(account, without.sync_token)
    expect(later.projects).toMatchObject([{ id, is_archived: false }])
    expect(later.sections).toMatchObject([{ name: "part" }])
    expect(later.items.map((item) => item.id)).toContain("subject" in made ? made.subject : "")
  })

  it("resource types: all, exclusions, and only known names", () => {
    const account = newAccount()
    const body = answerSync(
      account,
      request({ sync_token: "*", resource_types: ["all", "-user", "-labels"] }),
      settings,
    )
    expect(body).toMatchObject({ sections: [], items: expect.any(Array) })
    expect(body).not.toHaveProperty("user")
    expect(body).not.toHaveProperty("labels")
    expect(body).not.toHaveProperty("workspace_users")
    expect(readSyncRequest({ sync_token: "*", resource_types: ["nope"] })).toMatchObject({ error_code: 20 })
    expect(readSyncRequest({ sync_token: "*" })).toMatchObject({ error_code: 19 })
  })

  it("more than 100 commands, or one without a uuid, refuse the whole call", () => {
    const commands = (count: number) => Array.from({ length: count }, (_, i) => ({ type: "x", uuid: `${i}`, args: {} }))
    expect(readSyncRequest({ commands: commands(100) })).not.toHaveProperty("error_code")
    expect(readSyncRequest({ commands: commands(101) })).toMatchObject({ error_code: 20, http_code: 400 })
    expect(readSyncRequest({ commands: [{ type: "x", args: {} }] })).toMatchObject({ error_code: 20 })
    expect(readSyncRequest({ commands: "not json" })).toMatchObject({ error_code: 20 })
  })
})

/** What a client that folds replies knows. */
type Known = { readonly items: Map<string, Item>; readonly projects: Map<string, Project>; token: string }

const fold = (known: Known, body: Body): void => {
  for (const item of body.items) known.items.set(item.id, item)
  for (const project of body.projects) known.projects.set(project.id, project)
  known.token = body.sync_token
}

const activeIn = ({ items, projects }: Known): Array<Item> =>
  [...items.values()].filter((item) => {
    const project = projects.get(item.project_id)
    return !item.checked && !item.is_deleted && project?.is_archived === false && !project.is_deleted
  })

const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1)

const anyStep = fc.record({
  type: fc.constantFrom(
    "item_add",
    "item_add",
    "item_update",
    "item_move",
    "item_close",
    "item_complete",
    "item_update_date_complete",
    "item_uncomplete",
    "item_delete",
    "project_add",
    "project_archive",
    "project_unarchive",
    "project_delete",
  ),
  item: fc.nat(40),
  parent: fc.option(fc.nat(40), { freq: 3 }),
  project: fc.nat(12),
  due: fc.constantFrom(null, { string: "every day" }, { date: "2026-11-25" }, { string: "nonsense" }),
  syncs: fc.boolean(),
})

describe("sync, folded", () => {
  it("incremental replies over any full snapshot give the present full state", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), fc.nat(20), (steps, joinsAt) => {
        const account = newAccount()
        const clients: Array<Known> = []
        const join = () => {
          const known: Known = { items: new Map(), projects: new Map(), token: "*" }
          fold(known, sync(account, "*"))
          clients.push(known)
        }
        join()
        steps.forEach((step, at) => {
          if (at === joinsAt) join()
          const ids = [...account.items.keys()]
          const projects = [...account.projects.keys()]
          const project = projects[step.project % projects.length]
          const parent = step.parent === null ? undefined : ids[step.parent % ids.length]
          const args = {
            ...(step.type.startsWith("project") ? { id: project } : { id: ids[step.item % ids.length] }),
            content: "c",
            name: "n",
            due: step.due,
            project_id: project,
            parent_id: parent,
          }
          runCommands(account, [{ type: step.type, uuid: `${at}`, args }], nowMs + at)
          if (step.syncs) fold(clients[0]!, sync(account, clients[0]!.token))
        })
        for (const known of clients) {
          fold(known, sync(account, known.token))
          const truth = sync(account, "*")
          expect(activeIn(known).sort(byId)).toEqual([...truth.items].sort(byId))
          expect([...known.projects.values()].filter((one) => !one.is_archived && !one.is_deleted).sort(byId))
            .toEqual([...truth.projects].sort(byId))
        }
      }),
      { numRuns: 150 },
    )
  })
})
