import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { runSimulator, type Simulator } from "../runSimulator.ts"
import type { Item } from "../wire.ts"

const clock = { nowMs: 0 }
let simulator: Simulator
beforeEach(async () => {
  clock.nowMs = Date.parse("2026-11-20T10:00:00Z")
  simulator = await runSimulator({ port: 0, timeZone: "UTC", clock: () => clock.nowMs })
})
afterEach(() => simulator.close())

type Page<A> = {
  readonly items: ReadonlyArray<A>
  readonly results: ReadonlyArray<A>
  readonly next_cursor: string | null
}

const call = async <A>(method: string, path: string, body?: object): Promise<{ status: number; body: A }> => {
  const response = await fetch(`${simulator.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${simulator.token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as A }
}
const api = <A>(method: string, path: string, body?: object) => call<A>(method, `/api/v1${path}`, body)
const add = async (fields: object) => (await api<Item>("POST", "/tasks", fields)).body

describe("simulator REST", () => {
  it("writes tasks in REST's own fields and answers them whole", async () => {
    const made = await add({
      content: "x",
      duration: 30,
      duration_unit: "minute",
      deadline_date: "2026-12-24",
      due_string: "every day",
      order: 7,
    })
    expect(made).toMatchObject({
      duration: { amount: 30, unit: "minute" },
      deadline: { date: "2026-12-24" },
      due: { is_recurring: true },
      child_order: 7,
    })
    const changed = await api<Item>("POST", `/tasks/${made.id}`, { due_string: "no date", duration: null })
    expect(changed.body).toMatchObject({ id: made.id, due: null, duration: null, content: "x" })
    const { body: project } = await api<{ id: string }>("POST", "/projects", { name: "P" })
    expect((await api<Item>("POST", `/tasks/${made.id}/move`, { project_id: project.id })).body)
      .toMatchObject({ project_id: project.id })
    expect((await api("DELETE", `/tasks/${made.id}`)).status).toBe(204)
    expect((await api("GET", `/tasks/${made.id}`)).status).toBe(404)
    expect((await api("POST", `/projects/${project.id}/archive`)).body).toMatchObject({ is_archived: true })
    expect((await api("GET", `/projects/${project.id}`)).status).toBe(200)
    expect((await api("DELETE", `/projects/${project.id}`)).status).toBe(204)
  })

  it("edge case 5 - completed tasks are found by when they were completed and by when they were due", async () => {
    const done = await Promise.all([1, 2, 3].map((day) => add({ content: `${day}`, due_date: `2026-11-0${day}` })))
    for (const { id } of done) await api("POST", `/tasks/${id}/close`)
    const page = (by: string, since: string, until: string, more = "") =>
      api<Page<Item>>("GET", `/tasks/completed/by_${by}?since=${since}&until=${until}${more}`)
    const first = await page("completion_date", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "&limit=2")
    const second = await page(
      "completion_date",
      "2026-11-20T00:00:00Z",
      "2026-11-21T00:00:00Z",
      `&limit=2&cursor=${first.body.next_cursor}`,
    )
    expect([...first.body.items, ...second.body.items].map(({ id }) => id).sort()).toEqual(
      done.map(({ id }) => id).sort(),
    )
    expect(second.body.next_cursor).toBeNull()
    const due = await page("due_date", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z")
    expect(due.body.items.map(({ content }) => content)).toEqual(["2"])
    expect((await page("completion_date", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z")).status).toBe(400)
    expect((await page("due_date", "2026-10-01T00:00:00Z", "2026-11-20T00:00:00Z")).status).toBe(400)
    expect((await api("GET", "/tasks/completed/by_due_date")).status).toBe(400)
  })

  it("edge case 39 - the activity log has a week, all, or is refused; the plan says which", async () => {
    const { id } = await add({ content: "daily", due_string: "every day" })
    await api("POST", `/tasks/${id}/close`)
    const log = async (query = "") => await api<Page<Record<string, unknown>>>("GET", `/activities${query}`)
    expect((await log()).body.results).toMatchObject([
      { object_type: "item", event_type: "completed", object_id: id },
      { event_type: "added" },
    ])
    expect((await log("?object_event_types=item:added")).body.results).toHaveLength(1)
    expect((await log(`?object_event_types=${encodeURIComponent('["item:", "project:added"]')}`)).body.results)
      .toHaveLength(2)
    expect((await log("?limit=101")).status).toBe(400)
    clock.nowMs += 8 * 86_400_000
    expect((await log()).body.results).toEqual([])
    await call("POST", "/_sim/switches", { activityHistory: "all" })
    expect((await log()).body.results).toHaveLength(2)
    await call("POST", "/_sim/switches", { activityHistory: "refused" })
    expect((await log()).status).toBe(403)
    const { body } = await api("POST", "/sync", { sync_token: "*", resource_types: ["user_plan_limits"] })
    expect(body).toMatchObject({
      user_plan_limits: { current: { plan_name: "free", activity_log: false }, next: null },
    })
  })

  it("edge case 14 - a shared project has others in it, and tasks of nobody, of the user and of others", async () => {
    const { body: { sync_token: token } } = await api<{ sync_token: string }>("POST", "/sync", {
      sync_token: "*",
      resource_types: ["items"],
    })
    const { body: shared } = await call<{ projectId: string; collaborators: Array<string> }>("POST", "/_sim/share", {})
    const { body } = await api<Record<string, Array<Record<string, unknown>>>>("POST", "/sync", {
      sync_token: token,
      resource_types: ["items", "projects", "collaborators", "collaborator_states"],
    })
    const [sam, kim] = shared.collaborators
    const user = body["items"]![0]!["user_id"]
    expect(body["items"]!.map((item) => item["responsible_uid"])).toEqual([null, user, sam, kim, null, user])
    expect(body["projects"]).toMatchObject([{ is_shared: true, can_assign_tasks: true }])
    expect(body["collaborators"]!.map(({ id }) => id)).toEqual([sam, kim])
    expect(body["collaborator_states"]![0]).toEqual({
      user_id: user,
      project_id: shared.projectId,
      state: "active",
      is_deleted: false,
    })
    expect((await api<Page<object>>("GET", `/projects/${shared.projectId}/collaborators`)).body.results).toHaveLength(2)
  })

  it("sections and labels by command; an item keeps its section, and loses it with it", async () => {
    const { id, project_id: project } = await add({ content: "x", labels: ["old"] })
    const commands = [
      { type: "section_add", uuid: "1", temp_id: "s", args: { name: "S", project_id: project } },
      { type: "item_move", uuid: "2", args: { id, section_id: "s" } },
      { type: "label_add", uuid: "3", temp_id: "l", args: { name: "old" } },
      { type: "label_update", uuid: "4", args: { id: "l", name: "new" } },
    ]
    const { body } = await api<{ sync_status: object; temp_id_mapping: Record<string, string> }>("POST", "/sync", {
      commands,
    })
    expect(body.sync_status).toEqual({ 1: "ok", 2: "ok", 3: "ok", 4: "ok" })
    const { s: section } = body.temp_id_mapping
    expect((await api("GET", `/tasks/${id}`)).body).toMatchObject({ section_id: section, labels: ["new"] })
    expect((await api<Page<object>>("GET", "/sections")).body.results).toMatchObject([{ id: section, name: "S" }])
    await api("POST", "/sync", { commands: [{ type: "section_delete", uuid: "5", args: { id: section } }] })
    expect((await api("GET", `/tasks/${id}`)).status).toBe(404)
  })

  it("rates and scripts can be of one account; another is not hit", async () => {
    await call("POST", "/_sim/accounts", { token: "other", taskCount: 1 })
    expect((await call("POST", "/_sim/faults", { rates: { "429": 1 }, token: "other" })).status).toBe(200)
    const status = async (token: string) =>
      (await fetch(`${simulator.url}/api/v1/user`, { headers: { authorization: `Bearer ${token}` } })).status
    expect([await status("other"), await status(simulator.token), await status("other")]).toEqual([429, 200, 429])
    await call("POST", "/_sim/faults", { rates: {}, token: "other" })
    const { body: { userId } } = await call<{ userId: string }>("GET", "/_sim/state?token=other")
    await call("POST", "/_sim/faults", { fault: "revoked", userId })
    expect([await status(simulator.token), await status("other"), await status("other")]).toEqual([200, 401, 401])
    expect((await call("POST", "/_sim/faults", { rates: {}, token: "nobody" })).status).toBe(404)
  })
})
