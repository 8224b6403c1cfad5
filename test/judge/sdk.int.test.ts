/**
 * The official SDK drives the simulator, a process of its own, and gets what it was written to get. After each
 * scenario everything that went over the line has been read by the SDK's schemas, and checked for what those let pass.
 */
import { createCommand, SYNC_RESOURCE_TYPES, type Task, TodoistApi, TodoistSyncError } from "@doist/todoist-sdk"
import { randomUUID } from "node:crypto"
import { describe, expect, it } from "vitest"
import { judged, refusal } from "./judged.ts"
import { prepare, readings } from "./readings.ts"

const items = ["items" as const]

const current = judged()

const fullSync = async () => {
  const { syncToken, items: tasks = [], fullSync } = await current.api.sync({ syncToken: "*", resourceTypes: items })
  expect(fullSync).toBe(true)
  return { syncToken: syncToken!, tasks }
}

const changesSince = async (syncToken: string) => {
  const { items: tasks = [], fullSync, syncToken: next } = await current.api.sync({ syncToken, resourceTypes: items })
  expect(fullSync).toBe(false)
  return { tasks, next: next! }
}

const add = async (args: { content: string; due?: { string: string }; parentId?: string }): Promise<string> => {
  const tempId = randomUUID()
  const { tempIdMapping } = await current.api.sync({ commands: [createCommand("item_add", args, tempId)] })
  return tempIdMapping![tempId]!
}

const executions = async (taskId: string) =>
  (await current.simulator.control<{ executions: Record<string, Record<string, number>> }>(
    "GET",
    `/_sim/ledger?token=${current.token}&task_id=${taskId}`,
  )).executions[taskId] ?? {}

const fault = (script: object) => current.simulator.control("POST", "/_sim/faults", { ...script, token: current.token })

describe("sync through the SDK", () => {
  it("a full sync, a close, and exactly the closed task in what changed since", async () => {
    const { syncToken, tasks } = await fullSync()
    const id = await add({ content: "Post the letter" })
    expect((await fullSync()).tasks.map((task) => task.id).sort()).toEqual([...tasks.map((task) => task.id), id].sort())
    const { next } = await changesSince(syncToken)
    expect(await current.api.closeTask(id)).toBe(true)
    const { tasks: changed } = await changesSince(next)
    expect(changed).toMatchObject([{ id, checked: true, isDeleted: false, completedAt: expect.any(Date) }])
    expect((await fullSync()).tasks.map((task) => task.id)).not.toContain(id)
  })

  it("nothing changed is an empty array and a token that goes on", async () => {
    const { syncToken } = await fullSync()
    const { tasks, next } = await changesSince(syncToken)
    expect(tasks).toEqual([])
    expect((await changesSince(next)).tasks).toEqual([])
  })

  it("temporary ids join the commands of one call, and are answered with the real ones", async () => {
    const [project, parent, child] = [randomUUID(), randomUUID(), randomUUID()]
    const { tempIdMapping = {}, items: tasks = [], projects = [], syncStatus } = await current.api.sync({
      syncToken: (await fullSync()).syncToken,
      resourceTypes: ["items", "projects"],
      commands: [
        createCommand("project_add", { name: "Garden" }, project),
        createCommand("item_add", { content: "Sow", projectId: project }, parent),
        createCommand("item_add", { content: "Buy seeds", parentId: parent }, child),
      ],
    })
    expect(Object.values(syncStatus!)).toEqual(["ok", "ok", "ok"])
    expect(projects).toMatchObject([{ id: tempIdMapping[project], name: "Garden" }])
    expect(tasks).toMatchObject([
      { id: tempIdMapping[parent], projectId: tempIdMapping[project], parentId: null },
      { id: tempIdMapping[child], projectId: tempIdMapping[project], parentId: tempIdMapping[parent] },
    ])
  })

  it("one bad of two commands is an error that names it, and the other one was carried out", async () => {
    const good = createCommand("item_add", { content: "Stays" }, "good")
    const bad = createCommand("item_uncomplete", { id: "6X7rM8997g3RQmvh" })
    const { syncToken } = await fullSync()
    const failed = await current.api.sync({ commands: [bad, good] }).catch((error) => error)
    expect(failed).toBeInstanceOf(TodoistSyncError)
    expect(failed).toMatchObject({
      httpStatusCode: 404,
      syncStatus: { [good.uuid]: "ok", [bad.uuid]: { httpCode: 404, error: expect.stringMatching(/not found/i) } },
      tempIdMapping: { good: expect.any(String) },
    })
    expect((await changesSince(syncToken)).tasks).toMatchObject([{ id: failed.tempIdMapping.good, content: "Stays" }])
  })

  it("a repeated command uuid is answered as before, temporary id included, and carried out once", async () => {
    const command = createCommand("item_add", { content: "Once" }, randomUUID())
    const first = await current.api.sync({ commands: [command] })
    const { syncStatus, tempIdMapping } = await current.api.sync({ commands: [command] })
    expect({ syncStatus, tempIdMapping }).toEqual({
      syncStatus: first.syncStatus,
      tempIdMapping: first.tempIdMapping,
    })
    expect(await executions(Object.values(tempIdMapping!)[0]!)).toEqual({ item_add: 1 })
  })

  it("a call that only writes says full_sync and brings no arrays", async () => {
    const { fullSync, items: tasks } = await current.api.sync({
      commands: [createCommand("item_add", { content: "a" })],
    })
    expect({ fullSync, tasks }).toEqual({ fullSync: true, tasks: undefined })
  })

  it("a deleted task comes as a tombstone, its subtasks too", async () => {
    const parent = await add({ content: "Trip" })
    const child = await add({ content: "Pack", parentId: parent })
    const { syncToken } = await fullSync()
    await current.api.sync({ commands: [createCommand("item_delete", { id: parent })] })
    const { tasks } = await changesSince(syncToken)
    expect(tasks.map(({ id, isDeleted }) => [id, isDeleted]).sort()).toEqual([[parent, true], [child, true]].sort())
  })

  it("a client that came while a project was archived is sent its tasks and sections when it is back", async () => {
    const project = randomUUID()
    const { tempIdMapping = {} } = await current.api.sync({
      commands: [
        createCommand("project_add", { name: "Garden" }, project),
        createCommand("item_add", { content: "Sow", projectId: project }),
        createCommand("section_add", { name: "Soon", projectId: project }, randomUUID()),
      ],
    })
    const id = tempIdMapping[project]!
    await current.api.sync({ commands: [createCommand("project_archive", { id })] })
    const { syncToken, tasks } = await fullSync()
    expect(tasks.filter(({ projectId }) => projectId === id)).toEqual([])
    await current.api.sync({ commands: [createCommand("project_unarchive", { id })] })
    const back = await current.api.sync({ syncToken, resourceTypes: ["items", "projects", "sections"] })
    expect(back).toMatchObject({
      fullSync: false,
      items: [{ content: "Sow", projectId: id, isDeleted: false }],
      projects: [{ id, isArchived: false }],
      sections: [{ name: "Soon", projectId: id, isDeleted: false }],
    })
  })

  it("a recurring task is closed by moving its date", async () => {
    const id = await add({ content: "Water the plants", due: { string: "every day" } })
    const { syncToken, tasks } = await fullSync()
    const due = (all: ReadonlyArray<Task>) => all.find((task) => task.id === id)?.due
    expect(due(tasks)).toMatchObject({ isRecurring: true, string: "every day" })
    await current.api.sync({ commands: [{ type: "item_close", uuid: randomUUID(), args: { id } }] })
    const { tasks: changed } = await changesSince(syncToken)
    expect(changed).toMatchObject([{ id, checked: false, completedAt: null, due: { isRecurring: true } }])
    expect(due(changed)!.date > due(tasks)!.date).toBe(true)
  })

  it("a lost reply makes closeTask close four times, and item_close with its one uuid once", async () => {
    const id = await add({ content: "Water the plants", due: { string: "every day" } })
    await fault({ fault: "reset-after-commit", times: 3, on: "write" })
    expect(await current.api.closeTask(id)).toBe(true)
    expect(await executions(id)).toMatchObject({ item_close: 4 })
    const other = await add({ content: "Feed the cat", due: { string: "every day" } })
    await fault({ fault: "reset-after-commit", times: 2, on: "write" })
    await current.api.sync({ commands: [{ type: "item_close", uuid: randomUUID(), args: { id: other } }] })
    expect(await executions(other)).toMatchObject({ item_close: 1 })
  })
})

describe("errors through the SDK", () => {
  it("a token from elsewhere is 400", async () => {
    expect(await refusal(current.api.sync({ syncToken: "bad", resourceTypes: items }))).toMatchObject({
      httpStatusCode: 400,
      responseData: { error_tag: "SYNC_TOKEN_INVALID" },
    })
  })

  it("a token from elsewhere is answered with everything where the switch says so", async () => {
    const { control } = current.simulator
    await control("POST", "/_sim/switches", { invalidSyncToken: "silent-full" })
    try {
      const { fullSync, items: tasks } = await current.api.sync({ syncToken: "bad", resourceTypes: items })
      expect(fullSync).toBe(true)
      expect(tasks).toEqual((await current.api.sync({ syncToken: "*", resourceTypes: items })).items)
    } finally {
      await control("POST", "/_sim/switches", { invalidSyncToken: "reject" })
    }
  })

  it("a limit that was reached is 429 with the seconds to wait", async () => {
    await fault({ fault: "429", retryAfterSeconds: 66 })
    expect(await refusal(current.api.getTasks())).toMatchObject({
      httpStatusCode: 429,
      responseData: { error_tag: "LIMITS_REACHED", error_extra: { retry_after: 66 } },
    })
    await expect(current.api.getTasks()).resolves.toBeDefined()
  })

  it("a task or project nobody knows is 404, an impossible page 400, an unknown token 401", async () => {
    expect(await refusal(current.api.getTask("6X7rM8997g3RQmvh"))).toMatchObject({ httpStatusCode: 404 })
    expect(await refusal(current.api.getTasks({ projectId: "6X7rM8997g3RQmvh" }))).toMatchObject({
      httpStatusCode: 404,
    })
    expect(await refusal(current.api.getTasks({ limit: 201 }))).toMatchObject({ httpStatusCode: 400 })
    expect(await refusal(current.api.getTasks({ cursor: "nonsense" }))).toMatchObject({ httpStatusCode: 400 })
    const stranger = new TodoistApi("nobody", { baseUrl: current.proxy.url })
    expect(await refusal(stranger.getUser())).toMatchObject({ httpStatusCode: 401 })
  })

  it("a numeric id of an old API is refused", async () => {
    expect(await refusal(current.api.getTask("2995104339"))).toMatchObject({ httpStatusCode: 400 })
  })

  it.each([
    ["401", 401, "UNAUTHORIZED"],
    ["403-invalid-token", 403, "AUTH_INVALID_TOKEN"],
    ["403-scope", 403, "AUTH_INSUFFICIENT_TOKEN_SCOPE"],
    ["500", 500, undefined],
    ["503", 503, undefined],
  ])("%s reaches the caller with status and tag", async (name, httpStatusCode, tag) => {
    await fault({ fault: name })
    expect(await refusal(current.api.getTasks())).toMatchObject({
      httpStatusCode,
      responseData: tag === undefined ? { http_code: httpStatusCode } : { error_tag: tag },
    })
  })
})

describe("everything the SDK reads", () => {
  it.each(readings)("$name", async ({ read }) => {
    const { simulator, api, token, proxy } = current
    expect(await read(await prepare(simulator, { api, token, baseUrl: proxy.url }))).toBeDefined()
  })

  it("every resource type it knows, at once", async () => {
    const all = await current.api.sync({ syncToken: "*", resourceTypes: [...SYNC_RESOURCE_TYPES] })
    expect(Object.keys(all)).toEqual(expect.arrayContaining(["items", "projects", "labels", "user", "sections"]))
  })
})
