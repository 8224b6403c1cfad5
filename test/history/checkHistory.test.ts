import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { checkHistory, violationKinds } from "./checkHistory.ts"
import type { Expectations, ViolationKind } from "./checkHistory.ts"
import { durables, expectations, historyOf, stream } from "./history.fixture.ts"
import type { PlannedEvent } from "./history.fixture.ts"
import type { HistoryRecord } from "./history.ts"

const plan: ReadonlyArray<PlannedEvent> = [
  { user: 1, fate: "well" },
  { user: 2, fate: "delivered twice" },
  { user: 1, fate: "dies" },
  { user: 1, fate: "well" },
  { user: 2, fate: "redriven" },
  { user: 2, fate: "well" },
]

type Spoil = (history: Array<HistoryRecord>) => Array<HistoryRecord>
type Kind = HistoryRecord["kind"]

const without = (kind: Kind, matches: (record: never) => boolean): Spoil => (history) =>
  history.filter((record) => !(record.kind === kind && matches(record as never)))

const twice = (kind: Kind, change: Partial<Record<string, unknown>> = {}): Spoil => (history) =>
  history.flatMap((record) =>
    record === history.find((one) => one.kind === kind) ? [record, { ...record, ...change } as HistoryRecord] : [record]
  )

const added = (...records: ReadonlyArray<HistoryRecord>): Spoil => (history) => [...history, ...records]

const changed =
  (kind: Kind, matches: (record: never) => boolean, change: Record<string, unknown>): Spoil => (history) =>
    history.map((record) =>
      record.kind === kind && matches(record as never) ? { ...record, ...change } as HistoryRecord : record
    )

/** The records of one event's effects go to the end, before what is read there. */
const effectLast = (eventId: string): Spoil => (history) => {
  const late = history.filter((record) => record.kind === "effect" && record.eventId === eventId)
  return [...history.filter((record) => !late.includes(record)), ...late]
}

const effect = (eventId: string, durable: string, userId: string): HistoryRecord => ({
  kind: "effect",
  durable,
  replica: "b",
  eventId,
  tenantId: "acme",
  userId,
})

interface Case {
  readonly kind: ViolationKind
  readonly fact: string
  readonly spoil: Spoil
  readonly expected?: Partial<Expectations>
}

const message = (sequence: number, messageId: string) => ({ stream, sequence, messageId })
const isMessage = (messageId: string) => (record: { readonly messageId: string }) => record.messageId === messageId
const isEvent = (eventId: string) => (record: { readonly eventId: string }) => record.eventId === eventId

const cases: ReadonlyArray<Case> = [
  {
    kind: "lost from the stream",
    fact: "a committed event is not stored",
    spoil: without("stored", isMessage("event-6")),
  },
  {
    kind: "lost from the stream",
    fact: "a redrive is not stored",
    spoil: without("stored", isMessage("poison-5:redrive:1")),
  },
  {
    kind: "duplicated in the stream",
    fact: "an event is stored under two numbers",
    spoil: added({ kind: "stored", ...message(8, "event-1") }),
  },
  {
    kind: "gap in the stream",
    fact: "a number is missing",
    spoil: without("stored", isMessage("event-2")),
  },
  {
    kind: "gap in the stream",
    fact: "the first number is missing",
    spoil: without("stored", isMessage("event-1")),
  },
  {
    kind: "order broken in the stream",
    fact: "an event stands after one that was committed later",
    spoil: changed("appended", isEvent("event-2"), { committed: 100 }),
  },
  {
    kind: "renumbered",
    fact: "an acknowledged event has another number at the end",
    spoil: changed("published", isMessage("event-4"), { sequence: 44 }),
  },
  {
    kind: "foreign message",
    fact: "a message of somebody else is in the stream",
    spoil: added({ kind: "stored", ...message(8, "") }),
  },
  { kind: "no effect", fact: "an event ended nowhere", spoil: without("effect", isEvent("event-4")) },
  {
    kind: "no effect",
    fact: "a redriven event ended nowhere after its redrive",
    spoil: without("effect", isEvent("poison-5")),
  },
  { kind: "double effect", fact: "an effect was made twice", spoil: twice("effect", { replica: "b" }) },
  {
    kind: "more than one effect of a redrive",
    fact: "a redriven event has two effects",
    spoil: added(effect("poison-5", "tips", "u2")),
  },
  {
    kind: "order broken for a user",
    fact: "the first event of a user has its effect after the third",
    spoil: effectLast("event-1"),
  },
  { kind: "effect of nothing", fact: "an effect of what nobody appended", spoil: added(effect("x", "tips", "u1")) },
  {
    kind: "foreign tenant",
    fact: "the handler was told another tenant",
    spoil: changed("effect", isEvent("event-1"), { tenantId: "other" }),
  },
  {
    kind: "foreign tenant",
    fact: "the handler was told another user",
    spoil: changed("effect", isEvent("event-1"), { userId: "u9" }),
  },
  {
    kind: "dead letter without cause",
    fact: "an innocent message was given up",
    spoil: (history) =>
      history.map((record) =>
        record.kind === "effect" && record.eventId === "event-6"
          ? { kind: "deadLetter", durable: record.durable, ...message(6, "event-6") }
          : record
      ),
  },
  { kind: "dead letter twice", fact: "a message has two dead letters", spoil: twice("deadLetter") },
  {
    kind: "dead letter and effect",
    fact: "what was given up had its effect all the same",
    spoil: added(effect("poison-3", "tips", "u1")),
  },
  {
    kind: "dead letter and effect",
    fact: "what had its effect was given up later",
    spoil: added({ kind: "deadLetter", durable: "learner", ...message(3, "poison-3") }),
  },
  {
    kind: "settled before it had an effect",
    fact: "an acknowledgement went before the effect",
    spoil: effectLast("event-6"),
  },
  {
    kind: "unsettled at the end",
    fact: "a message waits for ever",
    spoil: changed("remaining", () => true, { messages: 1 }),
  },
  {
    kind: "delivered too often",
    fact: "a message was delivered more often than it may be",
    spoil: twice("delivered", { deliveryCount: 7 }),
    expected: { deliveryCountMax: 6 },
  },
  {
    kind: "no duplicate delivery",
    fact: "the fault did not make the broker deliver anything again",
    spoil: (history) => history.filter((record) => record.kind !== "delivered" || record.deliveryCount === 1),
    expected: { expectsDuplicates: true },
  },
]

const kindsOf = (history: ReadonlyArray<HistoryRecord>, expected: Partial<Expectations> = {}) =>
  checkHistory(history, { ...expectations, ...expected }).violations.map(({ kind }) => kind)

describe("history checker", () => {
  it("has nothing to say against a valid history, and counts what is in it", () => {
    expect(checkHistory(historyOf(plan), { ...expectations, expectsDuplicates: true })).toEqual({
      violations: [],
      counts: {
        events: 6,
        effects: 11,
        deliveries: 16,
        duplicateDeliveries: 2,
        deliveryCountMax: 2,
        deadLetters: 2,
        redrives: 1,
        faults: 0,
      },
    })
  })

  it("has a case for every violation it knows", () => {
    expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(violationKinds))
  })

  it.each(cases)("finds «$kind» when $fact", ({ kind, spoil, expected }) => {
    expect(kindsOf(historyOf(plan), expected)).toEqual([])
    expect(kindsOf(spoil(historyOf(plan)), expected)).toContain(kind)
  })

  it("takes foreign messages and new numbers where they are expected", () => {
    const foreign = added({ kind: "stored", ...message(8, "") })(historyOf(plan))
    expect(kindsOf(foreign, { allowsForeign: true })).toEqual([])
    const moved = changed("published", isMessage("event-4"), { sequence: 44 })(historyOf(plan))
    expect(kindsOf(moved, { allowsRenumbering: true })).toEqual([])
  })

  it("lets a message that is not ours be given up", () => {
    const history = added(
      { kind: "stored", ...message(8, "") },
      { kind: "deadLetter", durable: "tips", ...message(8, "") },
    )(historyOf(plan))
    expect(kindsOf(history, { allowsForeign: true })).toEqual([])
  })

  const fates = fc.constantFrom<PlannedEvent["fate"]>("well", "delivered twice", "dies", "redriven")
  const plans = fc.array(fc.record({ user: fc.integer({ min: 1, max: 4 }), fate: fates }), {
    minLength: 1,
    maxLength: 20,
  })

  it("passes every valid history", () => {
    fc.assert(fc.property(plans, (planned) => {
      expect(kindsOf(historyOf(planned))).toEqual([])
    }))
  })

  it("fails whichever record that matters is lost or made twice", () => {
    const matters: ReadonlyArray<Kind> = ["stored", "effect", "deadLetter"]
    fc.assert(fc.property(plans, fc.nat(), fc.boolean(), (planned, pick, isLost) => {
      const history = historyOf(planned)
      const places = history.flatMap(({ kind }, index) => matters.includes(kind) ? [index] : [])
      const at = places[pick % places.length]!
      const record = history[at]!
      // The same place read twice from the broker is no second message: it stands under another number.
      const again = record.kind === "stored" ? { ...record, sequence: history.length + 1 } : record
      const spoiled = isLost ? history.toSpliced(at, 1) : [...history, again]
      expect(kindsOf(spoiled)).not.toEqual([])
    }))
  })

  it("fails whichever two effects of one user and durable change places", () => {
    fc.assert(fc.property(plans, fc.nat(), (planned, pick) => {
      const history = historyOf(planned.map(({ user }) => ({ user, fate: "well" })))
      const swaps = history.flatMap((one, first) =>
        history.flatMap((other, second) =>
          first < second && one.kind === "effect" && other.kind === "effect" && one.durable === other.durable &&
            one.userId === other.userId
            ? [[first, second] as const]
            : []
        )
      )
      fc.pre(swaps.length > 0)
      const [first, second] = swaps[pick % swaps.length]!
      const swapped = history.with(first, history[second]!).with(second, history[first]!)
      expect(kindsOf(swapped)).toContain("order broken for a user")
    }))
  })

  it("judges the durables apart", () => {
    const history = without("effect", isEvent("event-4"))(historyOf(plan))
    const { violations } = checkHistory(history, expectations)
    expect(violations.filter(({ kind }) => kind === "no effect").map(({ detail }) => detail.split(" ")[0]))
      .toEqual(durables)
  })
})
