/**
 * Random commands through the SDK and past it, and in the end views that must be one: what the SDK put together from
 * incremental syncs, what one that slept through all of it and one that came halfway catch up on, a full sync, the REST
 * list, and the simulator's own tables and ledger under `/_sim/`.
 */
import { type SyncCommand, TodoistApi, TodoistSyncError } from "@doist/todoist-sdk"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { commandOf, type Draft, draft } from "./commands.ts"
import { judge } from "./judged.ts"
import { type RecordingProxy, startProxy } from "./recordingProxy.ts"
import { asSdkReads } from "./sdkVerdict.ts"
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

const tables = ["items" as const, "projects" as const, "sections" as const, "labels" as const]
type Table = (typeof tables)[number]
type Reply = Awaited<ReturnType<TodoistApi["sync"]>>
type Row = NonNullable<Reply[Table]>[number]
type Rows = Record<Table, ReadonlyArray<Row>>

/** A client that keeps a copy, as the documentation says: start with `*`, then replace what changed. */
class Copy {
  readonly api: TodoistApi
  readonly rows: Record<Table, Map<string, Row>> = {
    items: new Map(),
    projects: new Map(),
    sections: new Map(),
    labels: new Map(),
  }
  syncToken = "*"

  constructor(token: string) {
    this.api = new TodoistApi(token, { baseUrl: proxy.url })
  }

  /** With commands, what a failed one makes the SDK throw away comes with the next call, as the token stays. */
  async sync(commands: ReadonlyArray<SyncCommand> = []): Promise<Readonly<Record<string, unknown>>> {
    try {
      const reply = await this.api.sync({
        syncToken: this.syncToken,
        resourceTypes: [...tables],
        commands: [...commands],
      })
      expect(reply.fullSync).toBe(this.syncToken === "*")
      for (const table of tables) for (const row of reply[table] ?? []) this.rows[table].set(row.id, row)
      this.syncToken = reply.syncToken ?? ""
      return reply.syncStatus ?? {}
    } catch (error) {
      if (error instanceof TodoistSyncError) return error.syncStatus
      throw error
    }
  }

  ids(table: Table): ReadonlyArray<string> {
    return [...this.rows[table].keys()].sort()
  }

  all(): Rows {
    const sorted = (table: Table) => [...this.rows[table].values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    return {
      items: sorted("items"),
      projects: sorted("projects"),
      sections: sorted("sections"),
      labels: sorted("labels"),
    }
  }

  /** What a full sync would show: nothing that is deleted, archived, done, or in a project that is. */
  active(): Rows {
    const { items, projects, sections, labels } = this.all()
    const isOver = (row: Row) => ["isDeleted", "isArchived", "checked"].some((key) => isSet(row, key))
    const shown = new Set(projects.filter((one) => !isOver(one)).map(({ id }) => id))
    const stays = (row: Row) => !isOver(row) && (!("projectId" in row) || shown.has(String(row.projectId)))
    return {
      items: items.filter(stays),
      projects: projects.filter(stays),
      sections: sections.filter(stays),
      labels: labels.filter(stays),
    }
  }
}

const isSet = (row: Row, key: string): boolean =>
  Object.entries(row).some(([name, value]) => name === key && value === true)

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

/** The simulator's tables as the SDK would read them. */
const tablesOf = async (token: string): Promise<Rows> => {
  const state = await simulator.control<Readonly<Record<Table, ReadonlyArray<object>>>>(
    "GET",
    `/_sim/state?token=${token}`,
  )
  const copy = new Copy(token)
  const read = await asSdkReads(Object.fromEntries(tables.map((table) => [table, state[table]])))
  for (const table of tables) for (const row of read[table] ?? []) copy.rows[table].set(row.id, row)
  return copy.all()
}

/** Carries the steps out and returns every command with the answers it got. */
const carryOut = async (all: ReadonlyArray<Step>, eager: Copy, token: string, sent: Array<SyncCommand>) => {
  const answers: Array<readonly [uuid: string, status: unknown]> = []
  for (const { drafts, how } of all) {
    const known = {
      tasks: eager.ids("items"),
      projects: eager.ids("projects"),
      sections: eager.ids("sections"),
      labels: eager.ids("labels"),
      sent,
    }
    const commands = drafts.map((each) => commandOf(each, known))
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
  expect(late.active()).toEqual(late.all())
  const { results } = await eager.api.getTasks({ limit: 200 })
  expect([...results].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(late.active().items)
  expect(eager.all()).toEqual(await tablesOf(token))
  expect(sleeper.all()).toEqual(eager.all())

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
    await expect(fc.assert(fc.asyncProperty(steps, viewsAgree), runs)).resolves.toBeUndefined()
  })
})
