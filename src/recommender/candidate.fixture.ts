/**
 * Candidates and moments for tests: one plain example of each, and all that the schemas allow.
 */
import fc from "fast-check"
import type { Candidate, ContextSnapshot } from "../../schemas/Candidate.ts"

/** Wednesday, 10 June 2026, 10:00 in Berlin. */
export const wednesdayMorning: ContextSnapshot = {
  decidedAtMs: Date.parse("2026-06-10T08:00:00Z"),
  timeZone: "Europe/Berlin",
  localDate: "2026-06-10",
  localMinuteOfDay: 600,
  localWeekday: 3,
  openTasks: 20,
  overdueTasks: 5,
  doneLast7Days: 7,
  dismissedLast7Days: 2,
}

/** A bare task: no date, no priority, no history, and a title too long to look quick. */
export const todo = (candidateId: string, given: Partial<Candidate> = {}): Candidate => ({
  candidateId,
  kind: "todo",
  source: "todoist",
  title: "Collect the papers for the yearly tax declaration",
  body: "",
  deepLink: null,
  projectName: null,
  labels: [],
  priority: 1,
  dueDate: null,
  dueAtMs: null,
  isRecurring: false,
  durationMinutes: null,
  addedAtMs: null,
  timesPostponed: 0,
  sleepsUntilMs: null,
  ...given,
})

export const advice = (candidateId: string, given: Partial<Candidate> = {}): Candidate =>
  todo(candidateId, { kind: "advice", source: "library", priority: null, ...given })

const epochMs = fc.integer({ min: 0, max: 4_102_444_800_000 })
const isoDate = fc.date({ min: new Date(0), max: new Date(4_102_444_800_000), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10))

export const anyContext: fc.Arbitrary<ContextSnapshot> = fc.record({
  decidedAtMs: epochMs,
  timeZone: fc.constant("UTC"),
  localDate: isoDate,
  localMinuteOfDay: fc.nat(1439),
  localWeekday: fc.integer({ min: 1, max: 7 }),
  openTasks: fc.nat(),
  overdueTasks: fc.nat(),
  doneLast7Days: fc.nat(),
  dismissedLast7Days: fc.nat(),
})

/** Also what no connector should send: strings that are no date, negative counts, priorities off the scale. */
const anyCandidate: fc.Arbitrary<Candidate> = fc.record({
  candidateId: fc.string({ unit: "grapheme" }),
  kind: fc.constantFrom("todo", "advice"),
  source: fc.constantFrom("todoist", "library"),
  title: fc.string(),
  body: fc.string(),
  deepLink: fc.constant(null),
  projectName: fc.constant(null),
  labels: fc.constant([]),
  priority: fc.option(fc.integer()),
  dueDate: fc.option(fc.oneof(isoDate, fc.constantFrom("2026-02-31", "tomorrow", ""))),
  dueAtMs: fc.option(epochMs),
  isRecurring: fc.boolean(),
  durationMinutes: fc.option(fc.integer()),
  addedAtMs: fc.option(epochMs),
  timesPostponed: fc.integer(),
  sleepsUntilMs: fc.option(epochMs),
})

/** In any order, each id once. */
export const anyCandidates = (constraints: { minLength?: number; maxLength?: number } = {}) =>
  fc.uniqueArray(anyCandidate, { ...constraints, selector: ({ candidateId }) => candidateId })
