import { create } from "@bufbuild/protobuf"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import type { Candidate } from "../../schemas/Candidate.ts"
import { exampleEvents } from "../../schemas/events.fixture.ts"
import { connectionChanged, taskChanged } from "../../schemas/events.ts"
import type { TaskChangeName } from "../../schemas/events.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { Candidates, keyText } from "./Candidates.ts"
import type { CandidateChanges } from "./Candidates.ts"
import { changesOf, project } from "./Projector.ts"

const anna: Owner = { tenantId: TenantId.make("acme"), userId: UserId.make("anna") }
const bert: Owner = { ...anna, userId: UserId.make("bert") }

interface Given {
  readonly owner?: Owner
  readonly title?: string
  readonly due?: string
  readonly dueAtMs?: bigint
}

const occurrence = (owner: Owner) => ({ ...owner, id: "id", atMs: 0, correlationId: "c" })

const event = (change: TaskChangeName, taskId: string, given: Given = {}): Envelope =>
  taskChanged(occurrence(given.owner ?? anna), change, {
    provider: "todoist",
    timesPostponed: 1,
    task: {
      taskId,
      title: given.title ?? "title",
      priority: 1,
      ...(given.due === undefined ? {} : {
        due: {
          date: given.due,
          isRecurring: true,
          ...(given.dueAtMs === undefined ? {} : { atMs: given.dueAtMs }),
        },
      }),
    },
  })

/** What the store holds, and who is to wake. */
const applied = (before: ReadonlyMap<string, Candidate>, changes: CandidateChanges) => {
  const after = new Map(before)
  for (const { candidate, ...key } of changes.upserts) after.set(keyText(key), candidate)
  for (const key of changes.removes) after.delete(keyText(key))
  return { after, woken: changes.wakes.map(keyText) }
}
const projected = (events: ReadonlyArray<Envelope>, before: ReadonlyMap<string, Candidate> = new Map()) =>
  applied(before, changesOf(events, before))

const known = (...events: ReadonlyArray<Envelope>) => projected(events).after

describe("projecting signals", () => {
  it("a task becomes a candidate with all that is known of it", () => {
    const { after } = projected([exampleEvents["signals.task.updated"]!])
    expect([...after]).toEqual([["acme/u8f3kq/todoist:6X7rM8997g3RQmvh", {
      candidateId: "todoist:6X7rM8997g3RQmvh",
      kind: "todo",
      source: "todoist",
      title: "Water the 🌱 – **today** „bitte“",
      body: "Line one\nline two",
      deepLink: "https://app.todoist.com/app/task/6X7rM8997g3RQmvh",
      projectName: "Garten",
      labels: ["home", "später"],
      priority: 4,
      dueDate: "2026-06-10",
      dueAtMs: 1_781_085_600_000,
      isRecurring: true,
      durationMinutes: 25,
      addedAtMs: 1_770_000_000_456,
      timesPostponed: 3,
      sleepsUntilMs: null,
    }]])
  })

  it("of a bare task everything that is not known is null", () => {
    const { after } = projected([exampleEvents["signals.task.appeared-bare"]!])
    expect([...after.values()][0]).toMatchObject({
      deepLink: null,
      projectName: null,
      labels: [],
      dueDate: null,
      dueAtMs: null,
      isRecurring: false,
      durationMinutes: null,
      addedAtMs: null,
      timesPostponed: 0,
    })
  })

  it("in a batch the last word about a task counts, and there is one change for it", () => {
    const changes = changesOf(
      [event("appeared", "1", { title: "old" }), event("updated", "1", { title: "new" })],
      new Map(),
    )
    expect(changes.upserts.map(({ candidate }) => candidate.title)).toEqual(["new"])
    expect(changes.removes).toEqual([])
  })

  it("completed and removed tasks go, and one that comes back in the same batch stays", () => {
    const before = known(event("appeared", "1"), event("appeared", "2"), event("appeared", "3"))
    const { after } = projected([
      event("completed", "1"),
      event("removed", "2"),
      event("removed", "3"),
      event("appeared", "3", { title: "back" }),
    ], before)
    expect([...after.values()].map(({ candidateId, title }) => [candidateId, title])).toEqual([["todoist:3", "back"]])
  })

  it("a task that comes and goes in one batch leaves nothing", () => {
    const changes = changesOf([event("appeared", "1"), event("removed", "1")], new Map())
    expect([changes.upserts, changes.removes.map(keyText)]).toEqual([[], ["acme/anna/todoist:1"]])
  })

  it("tasks of the same id belong to different users", () => {
    const before = known(event("appeared", "1"), event("appeared", "1", { owner: bert }))
    expect([...projected([event("removed", "1", { owner: bert })], before).after.keys()]).toEqual([
      "acme/anna/todoist:1",
    ])
  })

  it("events of a later version, without a task, and of other kinds change nothing", () => {
    const strange = [
      create(EnvelopeSchema, { ...anna, id: "1", type: "signals.task.imagined" }),
      taskChanged(occurrence(anna), "appeared", { provider: "todoist" }),
      taskChanged(occurrence(anna), "appeared", { provider: "todoist", task: { title: "no id" } }),
      connectionChanged(occurrence(anna), "todoist", "connected"),
      exampleEvents["accounts.user.opened"]!,
    ]
    expect(projected(strange).after.size).toBe(0)
    expect(changesOf(strange, new Map()).wakes).toEqual([])
  })
})

describe("waking what was done", () => {
  const monday = event("appeared", "1", { due: "2026-06-08", dueAtMs: 1n })

  it.each([
    ["its day moves", event("updated", "1", { due: "2026-06-09", dueAtMs: 1n }), true],
    ["its time moves", event("updated", "1", { due: "2026-06-08", dueAtMs: 2n }), true],
    ["it loses its date", event("updated", "1"), true],
    ["only its title changes", event("updated", "1", { due: "2026-06-08", dueAtMs: 1n, title: "new" }), false],
    ["it is completed: opened again it is not done any more", event("completed", "1"), true],
    ["it is removed", event("removed", "1"), false],
  ])("when %s", (_when, later, wakes) => {
    expect(projected([later], known(monday)).woken).toEqual(wakes ? ["acme/anna/todoist:1"] : [])
    expect(projected([monday, later]).woken).toEqual(wakes ? ["acme/anna/todoist:1"] : [])
  })

  it("a task seen for the first time, or after it was removed, wakes nobody", () => {
    expect(projected([monday]).woken).toEqual([])
    const moved = event("appeared", "1", { due: "2026-06-20" })
    expect(projected([event("removed", "1"), moved], known(monday)).woken).toEqual([])
  })

  it("a date that moves there and back within a batch wakes all the same", () => {
    const there = event("updated", "1", { due: "2026-06-09", dueAtMs: 1n })
    expect(projected([there, monday], known(monday)).woken).toEqual(["acme/anna/todoist:1"])
  })
})

describe("a batch", () => {
  const anyEvent = fc.tuple(
    fc.constantFrom<TaskChangeName>("appeared", "updated", "completed", "removed"),
    fc.constantFrom("1", "2", "3"),
    fc.record({
      owner: fc.constantFrom(anna, bert),
      due: fc.constantFrom("2026-06-08", "2026-06-09"),
      title: fc.string(),
    }),
  ).map(([change, taskId, given]) => event(change, taskId, given))

  it("does what its events do one by one, however it is cut", () => {
    fc.assert(fc.property(fc.array(anyEvent), fc.nat(20), (events, cut) => {
      const first = projected(events.slice(0, cut))
      const second = projected(events.slice(cut), first.after)
      let single: ReadonlyMap<string, Candidate> = new Map()
      const woken = new Set<string>()
      for (const one of events) {
        const next = projected([one], single)
        single = next.after
        next.woken.forEach((key) => woken.add(key))
      }
      expect(second.after).toEqual(single)
      expect(new Set([...first.woken, ...second.woken])).toEqual(woken)
    }))
  })

  it.effect("is loaded once, by the keys in it, and not at all when it holds no task", () =>
    Effect.gen(function* () {
      const calls: Array<unknown> = []
      const store = Candidates.of({
        load: (keys) => Effect.sync(() => (calls.push(keys.map(keyText)), new Map())),
        apply: (changes) => Effect.sync(() => void calls.push(changes.upserts.length)),
      })
      const through = (events: ReadonlyArray<Envelope>) => Effect.provideService(project(events), Candidates, store)
      yield* through([event("appeared", "1"), event("appeared", "2")])
      yield* through([connectionChanged(occurrence(anna), "todoist", "connected")])
      yield* through([])
      expect(calls).toEqual([["acme/anna/todoist:1", "acme/anna/todoist:2"], 2])
    }))
})
