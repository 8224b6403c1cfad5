/** The official SDK and REST: tasks, completed ones, projects, pages. Every reply is judged as in `sdk.int.test.ts`. */
import { createCommand } from "@doist/todoist-sdk"
import { randomUUID } from "node:crypto"
import { describe, expect, it } from "vitest"
import { judged, refusal } from "./judged.ts"
import { aroundNow } from "./readings.ts"

const current = judged()

const nobody = "6X7rM8997g3RQmvh"

const add = async (content: string, parentId?: string): Promise<string> =>
  (await current.api.addTask({ content, ...(parentId === undefined ? {} : { parentId }) })).id

const otherProject = async (): Promise<string> => {
  const { results } = await current.api.getProjects()
  return results.find((project) => "inboxProject" in project && !project.inboxProject)!.id
}

/** All pages of a list, one after the other. */
const everyPage = async <A>(
  page: (cursor: string | null) => Promise<{ readonly found: ReadonlyArray<A>; readonly nextCursor: string | null }>,
): Promise<ReadonlyArray<ReadonlyArray<A>>> => {
  const pages: Array<ReadonlyArray<A>> = []
  let cursor: string | null = null
  do {
    const { found, nextCursor } = await page(cursor)
    pages.push(found)
    cursor = nextCursor
  } while (cursor !== null)
  return pages
}

describe("tasks", () => {
  it("are added with everything the SDK can say of one, and read back the same", async () => {
    const projectId = await otherProject()
    const made = await current.api.addTask({
      content: "Ring the plumber",
      description: "About the boiler",
      projectId,
      labels: ["home", "calls"],
      priority: 4,
      dueDatetime: "2030-01-02T09:00:00",
      duration: 30,
      durationUnit: "minute",
      deadlineDate: "2030-01-03",
    })
    expect(made).toMatchObject({
      content: "Ring the plumber",
      description: "About the boiler",
      projectId,
      labels: ["home", "calls"],
      priority: 4,
      due: { date: expect.stringMatching(/^2030-01-02T09:00:00/), isRecurring: false },
      duration: { amount: 30, unit: "minute" },
      deadline: { date: "2030-01-03" },
      checked: false,
    })
    expect(await current.api.getTask(made.id)).toEqual(made)
  })

  it.each([
    [{ dueString: "every day" }, { isRecurring: true, string: "every day" }],
    [{ dueDate: "2030-01-02" }, { date: "2030-01-02", isRecurring: false }],
  ])("are added with %o", async (args, due) => {
    expect((await current.api.addTask({ content: "a", ...args })).due).toMatchObject(due)
  })

  it("are updated field by field, and lose their due date on request", async () => {
    const { id, ...before } = await current.api.addTask({ content: "Ring", labels: ["home"], dueDate: "2030-01-02" })
    const updated = await current.api.updateTask(id, { content: "Ring twice", priority: 3, order: 7 })
    expect(updated).toMatchObject({
      content: "Ring twice",
      priority: 3,
      childOrder: 7,
      labels: ["home"],
      due: before.due,
    })
    expect(updated.updatedAt!.getTime()).toBeGreaterThanOrEqual(before.updatedAt!.getTime())
    expect((await current.api.updateTask(id, { dueString: null })).due).toBeNull()
    expect(await current.api.getTask(id)).toMatchObject({ content: "Ring twice", due: null })
  })

  it("are moved with what is below them, one at a time and several", async () => {
    const projectId = await otherProject()
    const parent = await add("Trip")
    const child = await add("Pack", parent)
    const inbox = (await current.api.getTask(parent)).projectId
    expect(await current.api.moveTask(parent, { projectId })).toMatchObject({ id: parent, projectId })
    expect(await current.api.getTask(child)).toMatchObject({ projectId, parentId: parent })
    expect(await current.api.moveTasks([parent], { projectId: inbox })).toMatchObject([{
      id: parent,
      projectId: inbox,
    }])
    const alone = await add("Passport")
    expect(await current.api.moveTask(alone, { parentId: parent })).toMatchObject({ parentId: parent })
  })

  it("closed and reopened are gone from the list and back", async () => {
    const id = await add("Post the letter")
    const isListed = async () => (await current.api.getTasks({ ids: [id] })).results.length === 1
    expect(await isListed()).toBe(true)
    expect(await current.api.closeTask(id)).toBe(true)
    expect(await isListed()).toBe(false)
    expect(await current.api.reopenTask(id)).toBe(true)
    expect(await isListed()).toBe(true)
  })

  it("deleted are 404 to every call, and a tombstone to sync", async () => {
    const { syncToken } = await current.api.sync({ syncToken: "*", resourceTypes: ["items"] })
    const id = await add("Post the letter")
    expect(await current.api.deleteTask(id)).toBe(true)
    const { api } = current
    const calls = [
      () => api.getTask(id),
      () => api.updateTask(id, { content: "a" }),
      () => api.closeTask(id),
      () => api.reopenTask(id),
      () => api.moveTask(id, { projectId: nobody }),
      () => api.deleteTask(id),
    ]
    for (const call of calls) expect(await refusal(call())).toMatchObject({ httpStatusCode: 404 })
    const { items } = await current.api.sync({ syncToken: syncToken!, resourceTypes: ["items"] })
    expect(items).toMatchObject([{ id, isDeleted: true }])
  })

  it("come in pages that hold each one once", async () => {
    const pages = await everyPage(async (cursor) => {
      const { results, nextCursor } = await current.api.getTasks({ limit: 5, cursor })
      return { found: results.map(({ id }) => id), nextCursor }
    })
    expect(pages.slice(0, -1).every((page) => page.length === 5)).toBe(true)
    const { items = [] } = await current.api.sync({ syncToken: "*", resourceTypes: ["items"] })
    expect(pages.flat().sort()).toEqual(items.map(({ id }) => id).sort())
  })

  it("that break a rule are refused, and nothing is made", async () => {
    const before = (await current.api.getTasks({ limit: 200 })).results.length
    expect(await refusal(current.api.addTask({ content: " " }))).toMatchObject({ httpStatusCode: 400 })
    expect(await refusal(current.api.addTask({ content: "a", priority: 9 }))).toMatchObject({ httpStatusCode: 400 })
    expect(await refusal(current.api.addTask({ content: "a", projectId: nobody }))).toMatchObject({
      httpStatusCode: 404,
    })
    expect((await current.api.getTasks({ limit: 200 })).results.length).toBe(before)
  })
})

describe("completed tasks", () => {
  it("are found by completion, newest first, in pages, without occurrences of recurring ones", async () => {
    const ids = [await add("One"), await add("Two"), await add("Three")]
    for (const id of ids) await current.api.closeTask(id)
    const recurring = await current.api.addTask({ content: "Water", dueString: "every day" })
    await current.api.closeTask(recurring.id)
    const pages = await everyPage(async (cursor) => {
      const { items, nextCursor } = await current.api.getCompletedTasksByCompletionDate({
        ...aroundNow(),
        limit: 2,
        cursor,
      })
      return { found: items, nextCursor }
    })
    const found = pages.flat()
    expect(found.map(({ id }) => id).sort()).toEqual(ids.sort())
    expect(found.every(({ checked, completedAt }) => checked && completedAt !== null)).toBe(true)
    expect(pages.map((page) => page.length)).toEqual([2, 1])
    const times = found.map(({ completedAt }) => completedAt!.getTime())
    expect(times).toEqual([...times].sort((a, b) => b - a))
  })

  it("are found by due date", async () => {
    const { id } = await current.api.addTask({ content: "One", dueString: "today" })
    await current.api.closeTask(id)
    const far = await current.api.addTask({ content: "Far", dueDate: "2040-01-01" })
    await current.api.closeTask(far.id)
    const { items } = await current.api.getCompletedTasksByDueDate(aroundNow())
    expect(items.map((task) => task.id)).toEqual([id])
  })

  it("reopened or deleted are not found any more", async () => {
    const [open, gone] = [await add("One"), await add("Two")]
    for (const id of [open, gone]) await current.api.closeTask(id)
    await current.api.reopenTask(open)
    await current.api.sync({ commands: [createCommand("item_delete", { id: gone })] })
    expect((await current.api.getCompletedTasksByCompletionDate(aroundNow())).items).toEqual([])
  })

  it("over a longer range than is allowed are 400", async () => {
    const year = { since: "2026-01-01T00:00:00Z", until: "2026-12-31T00:00:00Z" }
    const quarter = { since: "2026-01-01T00:00:00Z", until: "2026-03-31T00:00:00Z" }
    const { api } = current
    expect(await refusal(api.getCompletedTasksByCompletionDate(year))).toMatchObject({ httpStatusCode: 400 })
    expect(await refusal(api.getCompletedTasksByCompletionDate(quarter))).toBe("no error")
    expect(await refusal(api.getCompletedTasksByDueDate(quarter))).toMatchObject({ httpStatusCode: 400 })
  })
})

describe("projects", () => {
  it("come in pages that hold each one once, and one by one", async () => {
    const pages = await everyPage(async (cursor) => {
      const { results, nextCursor } = await current.api.getProjects({ limit: 1, cursor })
      return { found: results, nextCursor }
    })
    const { results } = await current.api.getProjects()
    expect(pages.flat()).toEqual(results)
    expect(await current.api.getProject(results[0]!.id)).toEqual(results[0])
    expect(await refusal(current.api.getProject(nobody))).toMatchObject({ httpStatusCode: 404 })
  })

  it("are added, updated, archived, brought back and deleted", async () => {
    const { api } = current
    const made = await api.addProject({ name: "Garden", color: "red", isFavorite: true, viewStyle: "board" })
    expect(made).toMatchObject({ name: "Garden", color: "red", isFavorite: true, viewStyle: "board", isShared: false })
    const { id } = made
    expect(await api.updateProject(id, { name: "Yard" })).toMatchObject({ id, name: "Yard", color: "red" })
    expect(await api.archiveProject(id)).toMatchObject({ id, isArchived: true })
    expect((await api.getArchivedProjects()).results).toMatchObject([{ id, name: "Yard" }])
    expect(await api.unarchiveProject(id)).toMatchObject({ id, isArchived: false })
    expect((await api.getArchivedProjects()).results).toEqual([])
    expect(await api.deleteProject(id)).toBe(true)
    const calls = [() => api.getProject(id), () => api.updateProject(id, { name: "a" }), () => api.archiveProject(id)]
    for (const call of calls) expect(await refusal(call())).toMatchObject({ httpStatusCode: 404 })
  })

  it("archived are out of the list and can still be read", async () => {
    const tempId = randomUUID()
    const command = createCommand("project_add", { name: "Garden" }, tempId)
    const { tempIdMapping = {} } = await current.api.sync({ commands: [command] })
    const id = tempIdMapping[tempId]!
    await current.api.sync({ commands: [createCommand("project_archive", { id })] })
    expect((await current.api.getProjects()).results.map((project) => project.id)).not.toContain(id)
    expect(await current.api.getProject(id)).toMatchObject({ name: "Garden", isArchived: true })
  })
})

describe("labels, sections, collaborators and activity", () => {
  it("labels are the same to REST and to sync", async () => {
    const { results } = await current.api.getLabels({ limit: 200 })
    const { labels = [] } = await current.api.sync({ syncToken: "*", resourceTypes: ["labels"] })
    const names = (all: ReadonlyArray<{ readonly id: string; readonly name: string }>) =>
      all.map(({ id, name }) => `${id} ${name}`).sort()
    expect(results.length).toBeGreaterThan(0)
    expect(names(results)).toEqual(names(labels))
  })

  it("a section made by sync holds a task and is listed in its project", async () => {
    const projectId = await otherProject()
    const tempId = randomUUID()
    const { tempIdMapping = {}, items = [], sections = [] } = await current.api.sync({
      syncToken: (await current.api.sync({ syncToken: "*", resourceTypes: ["items"] })).syncToken!,
      resourceTypes: ["items", "sections"],
      commands: [
        createCommand("section_add", { name: "Soon", projectId }, tempId),
        createCommand("item_add", { content: "Ring", projectId, sectionId: tempId }),
      ],
    })
    const id = tempIdMapping[tempId]!
    expect(sections).toMatchObject([{ id, name: "Soon", projectId }])
    expect(items).toMatchObject([{ content: "Ring", projectId, sectionId: id }])
    expect((await current.api.getSections({ projectId })).results).toMatchObject([{ id, name: "Soon" }])
  })

  it("a shared project has the others in it, in REST and in sync, and tasks that are theirs", async () => {
    const shared = await current.simulator.control<{ projectId: string; collaborators: ReadonlyArray<string> }>(
      "POST",
      "/_sim/share",
      { token: current.token },
    )
    const { results } = await current.api.getProjectCollaborators(shared.projectId)
    expect(results.map(({ id }) => id)).toEqual(expect.arrayContaining([...shared.collaborators]))
    const types = ["items", "projects", "collaborators", "collaborator_states"] as const
    const all = await current.api.sync({ syncToken: "*", resourceTypes: [...types] })
    expect(all.collaborators?.map(({ id }) => id)).toEqual(expect.arrayContaining([...shared.collaborators]))
    expect(all.collaboratorStates?.every(({ projectId }) => projectId === shared.projectId)).toBe(true)
    expect(all.projects?.find(({ id }) => id === shared.projectId)).toMatchObject({ isShared: true })
    const responsible = all.items?.filter(({ projectId }) => projectId === shared.projectId)
    expect(new Set(responsible?.map(({ responsibleUid }) => responsibleUid)).size).toBe(4)
  })

  it("the activity log tells of what was added and completed, occurrences of recurring tasks too", async () => {
    const once = await add("Post the letter")
    const { id: daily } = await current.api.addTask({ content: "Water", dueString: "every day" })
    for (const id of [once, daily]) await current.api.closeTask(id)
    const { results } = await current.api.getActivityLogs()
    const of = (objectId: string) =>
      results.filter((entry) => entry.objectId === objectId).map(({ objectType, eventType }) =>
        `${objectType} ${eventType}`
      )
    expect(of(once)).toEqual(["task completed", "task added"])
    expect(of(daily)).toEqual(["task completed", "task added"])
  })
})

describe("the user", () => {
  it("is the same to REST and to sync", async () => {
    const { id, email, tzInfo, inboxProjectId } = await current.api.getUser()
    const { user, projects } = await current.api.sync({ syncToken: "*", resourceTypes: ["user", "projects"] })
    expect(user).toMatchObject({ id, email, inboxProjectId, tzInfo: { timezone: tzInfo.timezone } })
    expect(projects?.find((project) => project.id === inboxProjectId)).toMatchObject({ inboxProject: true })
  })
})
