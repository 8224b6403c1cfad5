/**
 * The official SDK drives the simulator, a process of its own, and gets what it was written to get. After each
 * scenario everything that went over the line has been read by the SDK's schemas, and checked for what those let pass.
 */
import { createCommand, SYNC_RESOURCE_TYPES, type Task, TodoistApi, TodoistSyncError } from "@doist/todoist-sdk"
import { randomUUID } from "node:crypto"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { envelopeProblems } from "./envelope.ts"
import { type Account, prepare, readings } from "./readings.ts"
import { type RecordingProxy, startProxy } from "./recordingProxy.ts"
import { sdkVerdict } from "./sdkVerdict.ts"
import { type SimulatorProcess, startSimulator } from "./simulatorProcess.ts"

const items = ["items" as const]

let simulator: SimulatorProcess
let proxy: RecordingProxy
let token: string
let api: TodoistApi

beforeAll(async () => {
  simulator = await startSimulator()
  proxy = await startProxy(simulator.url)
})
beforeEach(async () => {
  token = await simulator.account()
  api = new TodoistApi(token, { baseUrl: proxy.url })
})
afterEach(async () => {
  const exchanges = proxy.exchanges.splice(0)
  const verdicts = await Promise.all(exchanges.map(sdkVerdict))
  expect([...verdicts.filter((verdict) => verdict !== null), ...exchanges.flatMap(envelopeProblems)]).toEqual([])
  expect(exchanges.length).toBeGreaterThan(0)
})
afterAll(async () => {
  await proxy?.close()
  await simulator?.stop()
})

const fullSync = async () => {
  const { syncToken, items: tasks = [], fullSync } = await api.sync({ syncToken: "*", resourceTypes: items })
  expect(fullSync).toBe(true)
  return { syncToken: syncToken!, tasks }
}

const changesSince = async (syncToken: string) => {
  const { items: tasks = [], fullSync, syncToken: next } = await api.sync({ syncToken, resourceTypes: items })
  expect(fullSync).toBe(false)
  return { tasks, next: next! }
}

const add = async (args: { content: string; due?: { string: string }; parentId?: string }): Promise<string> => {
  const tempId = randomUUID()
  const { tempIdMapping } = await api.sync({ commands: [createCommand("item_add", args, tempId)] })
  return tempIdMapping![tempId]!
}

const executions = async (taskId: string) =>
  (await simulator.control<{ executions: Record<string, Record<string, number>> }>(
    "GET",
    `/_sim/ledger?token=${token}&task_id=${taskId}`,
  )).executions[taskId] ?? {}

const fault = (script: object) => simulator.control("POST", "/_sim/faults", { ...script, token })

const refusal = (call: Promise<unknown>) =>
  call.then(() => "no error", ({ httpStatusCode, responseData }) => ({ httpStatusCode, responseData }))

describe("sync through the SDK", () => {
  it("a full sync, a close, and exactly the closed task in what changed since", async () => {
    const { syncToken, tasks } = await fullSync()
    const id = await add({ content: "Post the letter" })
    expect((await fullSync()).tasks.map((task) => task.id).sort()).toEqual([...tasks.map((task) => task.id), id].sort())
    const { next } = await changesSince(syncToken)
    expect(await api.closeTask(id)).toBe(true)
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
    const { tempIdMapping = {}, items: tasks = [], projects = [], syncStatus } = await api.sync({
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
    const failed = await api.sync({ commands: [bad, good] }).catch((error) => error)
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
    const first = await api.sync({ commands: [command] })
    const { syncStatus, tempIdMapping } = await api.sync({ commands: [command] })
    expect({ syncStatus, tempIdMapping }).toEqual({
      syncStatus: first.syncStatus,
      tempIdMapping: first.tempIdMapping,
    })
    expect(await executions(Object.values(tempIdMapping!)[0]!)).toEqual({ item_add: 1 })
  })

  it("a call that only writes says full_sync and brings no arrays", async () => {
    const { fullSync, items: tasks } = await api.sync({ commands: [createCommand("item_add", { content: "a" })] })
    expect({ fullSync, tasks }).toEqual({ fullSync: true, tasks: undefined })
  })

  it("a deleted task comes as a tombstone, its subtasks too", async () => {
    const parent = await add({ content: "Trip" })
    const child = await add({ content: "Pack", parentId: parent })
    const { syncToken } = await fullSync()
    await api.sync({ commands: [createCommand("item_delete", { id: parent })] })
    const { tasks } = await changesSince(syncToken)
    expect(tasks.map(({ id, isDeleted }) => [id, isDeleted]).sort()).toEqual([[parent, true], [child, true]].sort())
  })

  it("a recurring task is closed by moving its date", async () => {
    const id = await add({ content: "Water the plants", due: { string: "every day" } })
    const { syncToken, tasks } = await fullSync()
    const due = (all: ReadonlyArray<Task>) => all.find((task) => task.id === id)?.due
    expect(due(tasks)).toMatchObject({ isRecurring: true, string: "every day" })
    await api.sync({ commands: [{ type: "item_close", uuid: randomUUID(), args: { id } }] })
    const { tasks: changed } = await changesSince(syncToken)
    expect(changed).toMatchObject([{ id, checked: false, completedAt: null, due: { isRecurring: true } }])
    expect(due(changed)!.date > due(tasks)!.date).toBe(true)
  })

  it("a lost reply makes closeTask close four times, and item_close with its one uuid once", async () => {
    const id = await add({ content: "Water the plants", due: { string: "every day" } })
    await fault({ fault: "reset-after-commit", times: 3, on: "write" })
    expect(await api.closeTask(id)).toBe(true)
    expect(await executions(id)).toMatchObject({ item_close: 4 })
    const other = await add({ content: "Feed the cat", due: { string: "every day" } })
    await fault({ fault: "reset-after-commit", times: 2, on: "write" })
    await api.sync({ commands: [{ type: "item_close", uuid: randomUUID(), args: { id: other } }] })
    expect(await executions(other)).toMatchObject({ item_close: 1 })
  })
})

describe("REST through the SDK", () => {
  it("pages of tasks and of projects hold each one once", async () => {
    const all = (await fullSync()).tasks.map(({ id }) => id).sort()
    const paged: Array<string> = []
    let cursor: string | null = null
    do {
      const page = await api.getTasks({ limit: 5, cursor })
      expect(page.results.length).toBeLessThanOrEqual(5)
      paged.push(...page.results.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(paged.sort()).toEqual(all)
    const first = await api.getProjects({ limit: 1 })
    const rest = await api.getProjects({ cursor: first.nextCursor })
    expect([...first.results, ...rest.results]).toEqual((await api.getProjects()).results)
  })

  it("closing and reopening a task is seen by getTasks", async () => {
    const id = await add({ content: "Post the letter" })
    const isListed = async () => (await api.getTasks({ ids: [id] })).results.length === 1
    expect(await isListed()).toBe(true)
    await api.closeTask(id)
    expect(await isListed()).toBe(false)
    expect(await api.reopenTask(id)).toBe(true)
    expect(await isListed()).toBe(true)
  })

  it("moveTasks moves through sync, subtasks included", async () => {
    const parent = await add({ content: "Trip" })
    const child = await add({ content: "Pack", parentId: parent })
    const projectId = (await api.getProjects()).results.at(-1)!.id
    expect(await api.moveTasks([parent], { projectId })).toMatchObject([{ id: parent, projectId }])
    expect(await api.getTask(child)).toMatchObject({ projectId, parentId: parent })
  })
})

describe("errors through the SDK", () => {
  it("a token from elsewhere is 400", async () => {
    expect(await refusal(api.sync({ syncToken: "bad", resourceTypes: items }))).toMatchObject({
      httpStatusCode: 400,
      responseData: { error_tag: "SYNC_TOKEN_INVALID" },
    })
  })

  it("a limit that was reached is 429 with the seconds to wait", async () => {
    await fault({ fault: "429", retryAfterSeconds: 66 })
    expect(await refusal(api.getTasks())).toMatchObject({
      httpStatusCode: 429,
      responseData: { error_tag: "LIMITS_REACHED", error_extra: { retry_after: 66 } },
    })
    await expect(api.getTasks()).resolves.toBeDefined()
  })

  it("a task or project nobody knows is 404, an impossible page 400, an unknown token 401", async () => {
    expect(await refusal(api.getTask("6X7rM8997g3RQmvh"))).toMatchObject({ httpStatusCode: 404 })
    expect(await refusal(api.getTasks({ projectId: "6X7rM8997g3RQmvh" }))).toMatchObject({ httpStatusCode: 404 })
    expect(await refusal(api.getTasks({ limit: 201 }))).toMatchObject({ httpStatusCode: 400 })
    expect(await refusal(api.getTasks({ cursor: "nonsense" }))).toMatchObject({ httpStatusCode: 400 })
    const stranger = new TodoistApi("nobody", { baseUrl: proxy.url })
    expect(await refusal(stranger.getUser())).toMatchObject({ httpStatusCode: 401 })
  })

  it("a numeric id of an old API is refused", async () => {
    expect(await refusal(api.getTask("2995104339"))).toMatchObject({ httpStatusCode: 400 })
  })

  it.each([
    ["401", 401, "UNAUTHORIZED"],
    ["403-invalid-token", 403, "AUTH_INVALID_TOKEN"],
    ["403-scope", 403, "AUTH_INSUFFICIENT_TOKEN_SCOPE"],
    ["500", 500, undefined],
    ["503", 503, undefined],
  ])("%s reaches the caller with status and tag", async (name, httpStatusCode, tag) => {
    await fault({ fault: name })
    expect(await refusal(api.getTasks())).toMatchObject({
      httpStatusCode,
      responseData: tag === undefined ? { http_code: httpStatusCode } : { error_tag: tag },
    })
  })
})

describe("everything the SDK reads", () => {
  it.each(readings)("$name", async ({ read }) => {
    const account: Account = await prepare(api)
    expect(await read(account)).toBeDefined()
  })

  it("every resource type it knows, at once", async () => {
    const all = await api.sync({ syncToken: "*", resourceTypes: [...SYNC_RESOURCE_TYPES] })
    expect(Object.keys(all)).toEqual(expect.arrayContaining(["items", "projects", "labels", "user", "sections"]))
  })
})
