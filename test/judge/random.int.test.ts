/**
 * Random commands through the SDK and past it, and in the end views that must be one: what the SDK put together from
 * incremental syncs, what one that slept through all of it and one that came halfway catch up on, a full sync, the REST
 * list, and the simulator's own tables and ledger under `/_sim/`.
 */
import { type Project, type SyncCommand, type Task, TodoistApi, TodoistSyncError } from "@doist/todoist-sdk"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { commandOf, type Draft, draft } from "./commands.ts"
import { judge } from "./judged.ts"
import { type RecordingProxy, startProxy } from "./recordingProxy.ts"
import { type SimulatorProcess, startSimulator } from "./simulatorProcess.ts"

let simulator: SimulatorProcess
let proxy: RecordingProxy

beforeAll(async () => {
  simulator = await startSimulator()
  proxy = await startProxy(simulator.url)
})
afterAll(async () => {
  await proxy?.close()
  await simulator?.stop()
})

const resourceTypes = ["items" as const, "projects" as const]

/** A client that keeps a copy, as the documentation says: start with `*`, then replace what changed. */
class Copy {
  readonly api: TodoistApi
  readonly tasks = new Map<string, Task>()
  readonly projects = new Map<string, Project>()
  syncToken = "*"

  constructor(token: string) {
    this.api = new TodoistApi(token, { baseUrl: proxy.url })
  }

  /** With commands, what a failed one makes the SDK throw away comes with the next call, as the token stays. */
  async sync(commands: ReadonlyArray<SyncCommand> = []): Promise<Readonly<Record<string, unknown>>> {
    try {
      const reply = await this.api.sync({ syncToken: this.syncToken, resourceTypes, commands: [...commands] })
      expect(reply.fullSync).toBe(this.syncToken === "*")
      for (const task of reply.items ?? []) this.tasks.set(task.id, task)
      for (const project of reply.projects ?? []) this.projects.set(project.id, project)
      this.syncToken = reply.syncToken ?? ""
      return reply.syncStatus ?? {}
    } catch (error) {
      if (error instanceof TodoistSyncError) return error.syncStatus
      throw error
    }
  }

  /** What a full sync would show. */
  active() {
    const projects = [...this.projects.values()].filter(({ isDeleted, isArchived }) => !isDeleted && !isArchived)
    const shown = new Set(projects.map(({ id }) => id))
    const tasks = [...this.tasks.values()].filter((one) => !one.checked && !one.isDeleted && shown.has(one.projectId))
    return { projects: byId(projects), tasks: byId(tasks) }
  }
}

const byId = <A extends { readonly id: string }>(all: ReadonlyArray<A>): ReadonlyArray<A> =>
  [...all].sort((a, b) => (a.id < b.id ? -1 : 1))

/** Past the SDK: form fields holding JSON with snake-case keys, as the documentation has it. */
const postForm = async (token: string, commands: ReadonlyArray<SyncCommand>) => {
  const wire = commands.map(({ tempId, args, ...rest }) => ({
    ...rest,
    args: Object.fromEntries(
      Object.entries(args).map((
        [key, value],
      ) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
    ),
    ...(tempId === undefined ? {} : { temp_id: tempId }),
  }))
  const response = await fetch(`${proxy.url}/api/v1/sync`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: new URLSearchParams({ commands: JSON.stringify(wire) }),
  })
  return ((await response.json()) as { sync_status: Readonly<Record<string, unknown>> }).sync_status
}

interface Step {
  readonly drafts: ReadonlyArray<Draft>
  readonly how: "sdk" | "form"
}

const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.record({
    drafts: fc.array(draft, { minLength: 1, maxLength: 4 }),
    how: fc.constantFrom("sdk" as const, "sdk" as const, "form" as const),
  }),
  { minLength: 1, maxLength: 12 },
)

interface LedgerEntry {
  readonly uuid: string | null
  readonly status: unknown
  readonly executed: number
  readonly received: number
}

const ledgerOf = async (token: string) =>
  (await simulator.control<{ commands: ReadonlyArray<LedgerEntry> }>("GET", `/_sim/ledger?token=${token}`)).commands

interface SimTask {
  readonly id: string
  readonly content: string
  readonly checked: boolean
  readonly is_deleted: boolean
  readonly due: string | null
}

const tablesOf = async (token: string) =>
  byId((await simulator.control<{ tasks: ReadonlyArray<SimTask> }>("GET", `/_sim/tasks?token=${token}`)).tasks)
    .map(({ id, content, checked, is_deleted, due }) => ({ id, content, checked, is_deleted, due }))

const asTable = (copy: Copy) =>
  byId([...copy.tasks.values()]).map(({ id, content, checked, isDeleted, due }) => ({
    id,
    content,
    checked,
    is_deleted: isDeleted,
    due: due?.date ?? null,
  }))

/** Carries the steps out and returns every command with the answers it got. */
const carryOut = async (all: ReadonlyArray<Step>, eager: Copy, token: string, sent: Array<SyncCommand>) => {
  const answers: Array<readonly [uuid: string, status: unknown]> = []
  for (const { drafts, how } of all) {
    const known = () => ({ tasks: [...eager.tasks.keys()].sort(), projects: [...eager.projects.keys()].sort(), sent })
    const commands = drafts.map((each) => commandOf(each, known()))
    const statuses = how === "sdk" ? await eager.sync(commands) : await postForm(token, commands)
    sent.push(...commands)
    answers.push(...commands.map(({ uuid }) => [uuid, statuses[uuid]] as const))
    await eager.sync()
  }
  return answers
}

/** An account of its own for each run, so the limits of one user bound nothing. */
const viewsAgree = async (all: ReadonlyArray<Step>): Promise<void> => {
  const token = await simulator.account(8)
  const [eager, sleeper, joiner, late] = [new Copy(token), new Copy(token), new Copy(token), new Copy(token)]
  await eager.sync()
  await sleeper.sync()
  const sent: Array<SyncCommand> = []
  const half = Math.ceil(all.length / 2)
  const answers = await carryOut(all.slice(0, half), eager, token, sent)
  await joiner.sync()
  answers.push(...await carryOut(all.slice(half), eager, token, sent))
  for (const copy of [sleeper, joiner, late]) await copy.sync()

  for (const copy of [eager, sleeper, joiner]) expect(copy.active()).toEqual(late.active())
  expect(late.active().tasks.length).toBe(late.tasks.size)
  const listed = await eager.api.getTasks({ limit: 200 })
  expect(byId(listed.results)).toEqual(late.active().tasks)
  expect(asTable(eager)).toEqual(await tablesOf(token))
  expect(asTable(sleeper)).toEqual(asTable(eager))

  const ledger = await ledgerOf(token)
  const uuids = new Set(answers.map(([uuid]) => uuid))
  expect(new Set(ledger.map(({ uuid }) => uuid))).toEqual(uuids)
  for (const { uuid, executed, received } of ledger) {
    const got = answers.filter(([of]) => of === uuid)
    expect([received, executed]).toEqual([got.length, got[0]?.[1] === "ok" ? 1 : 0])
  }
  await judge(proxy.exchanges.splice(0))
}

/** About 40 ms a run; the bound holds on a machine ten times as slow. */
const runs = { numRuns: 60, interruptAfterTimeLimit: 8_000, markInterruptAsFailure: false }

describe("random commands", () => {
  it("leave every client, the full sync and the simulator's tables with the same state", async () => {
    await fc.assert(fc.asyncProperty(steps, viewsAgree), runs)
  })
})
