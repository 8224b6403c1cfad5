/** One event of every type, each with everything in it that its type can hold. */
import { connectionChanged, reactionKinds, reactionRecorded, taskChanged, tipExpired, tipServed } from "./events.ts"
import { accountOpened } from "./events.ts"
import type { Occurrence } from "./events.ts"
import type { Envelope } from "./gen/tipstream/events/v1/envelope_pb.ts"
import { TenantId, UserId } from "./ids.ts"

const atMs = 1_781_078_400_123
const decisionId = "019eb0d8-1c00-7abc-8def-0123456789ab"

const occurrence = (number: number): Occurrence => ({
  id: `019eb0d8-1c7b-7000-8000-${String(number).padStart(12, "0")}`,
  atMs,
  correlationId: "4bf92f3577b34da6a3ce929d0e0e4736",
  tenantId: TenantId.make("acme"),
  userId: UserId.make("u8f3kq"),
})

const task = {
  taskId: "6X7rM8997g3RQmvh",
  title: "Water the 🌱 – **today** „bitte“",
  description: "Line one\nline two",
  projectName: "Garten",
  parentId: "6X7rfFVPjhvv84XG",
  labels: ["home", "später"],
  priority: 4,
  due: { date: "2026-06-10", atMs: 1_781_085_600_000n, isRecurring: true },
  durationMinutes: 25,
  addedAtMs: 1_770_000_000_456n,
  deepLink: "https://app.todoist.com/app/task/6X7rM8997g3RQmvh",
}
/** As a tool reports a task somebody only gave a name. */
const bareTask = {
  taskId: "6X7rM8997g3RQmvj",
  title: "Call",
  description: "",
  labels: [],
  priority: 1,
  deepLink: "",
}

const served = {
  decisionId,
  context: {
    decidedAtMs: BigInt(atMs),
    timeZone: "Europe/Berlin",
    localDate: "2026-06-10",
    localMinuteOfDay: 600,
    localWeekday: 3,
    openTasks: 20,
    overdueTasks: 5,
    doneLast7Days: 7,
    dismissedLast7Days: 2,
  },
  candidates: [
    {
      candidateId: "library:let-one-go",
      kind: "advice",
      source: "library",
      isRecurring: false,
      timesPostponed: 0,
      titleLength: 15,
      features: [1, 1, 0, 0.1, 1 / 3],
      probability: 0.05,
    },
    {
      candidateId: "todoist:6X7rM8997g3RQmvh",
      kind: "todo",
      source: "todoist",
      priority: 4,
      dueDate: "2026-06-10",
      dueAtMs: 1_781_085_600_000n,
      isRecurring: true,
      durationMinutes: 25,
      addedAtMs: 1_770_000_000_456n,
      timesPostponed: 3,
      titleLength: 29,
      features: [1, 0, 0.7000000000000001, Number.MIN_VALUE, 0.1 + 0.2],
      probability: 0.95,
    },
  ],
  chosenIndex: 1,
  policy: "epsilon-greedy",
  policyVersion: "1(epsilon=0.1)",
  statePosition: 12_345n,
  stateHash: "0123456789abcdef",
  featureSchema: "features-v1",
  seed: decisionId,
  expiresAtMs: BigInt(atMs + 14_400_000),
  dataAgeMs: 1_500n,
}

const answered = {
  decisionId,
  candidateId: "todoist:6X7rM8997g3RQmvh",
  servedAtMs: BigInt(atMs),
  reactedAtMs: BigInt(atMs + 60_000),
}

/** By a name of its own: the type, and what sets it apart from others of the type. */
export const exampleEvents: Readonly<Record<string, Envelope>> = {
  "signals.task.appeared": taskChanged(occurrence(1), "appeared", { provider: "todoist", task, timesPostponed: 0 }),
  "signals.task.appeared-bare": taskChanged(occurrence(2), "appeared", { provider: "todoist", task: bareTask }),
  "signals.task.updated": taskChanged(occurrence(3), "updated", { provider: "todoist", task, timesPostponed: 3 }),
  "signals.task.completed": taskChanged(occurrence(4), "completed", { provider: "todoist", task, timesPostponed: 3 }),
  "signals.task.removed": taskChanged(occurrence(5), "removed", { provider: "todoist", task, timesPostponed: 3 }),
  "signals.connection.connected": connectionChanged(occurrence(6), "todoist", "connected"),
  "signals.connection.needs-reconnect": connectionChanged(occurrence(7), "todoist", "needs-reconnect"),
  "signals.connection.disconnected": connectionChanged(occurrence(8), "todoist", "disconnected"),
  "decisions.tip.served": tipServed({ ...occurrence(9), id: decisionId }, served),
  "feedback.reaction.recorded-snooze": reactionRecorded({ ...occurrence(10), causationId: decisionId }, {
    ...answered,
    reaction: reactionKinds.snooze,
    snoozeUntilMs: BigInt(atMs + 10_800_000),
  }),
  "feedback.reaction.recorded-undo": reactionRecorded({ ...occurrence(11), causationId: decisionId }, {
    ...answered,
    reaction: reactionKinds.undo,
    undone: reactionKinds.snooze,
  }),
  ...Object.fromEntries((["done", "dismiss", "acknowledge", "save"] as const).map((reaction, index) => [
    `feedback.reaction.recorded-${reaction}`,
    reactionRecorded({ ...occurrence(12 + index), causationId: decisionId }, {
      ...answered,
      reaction: reactionKinds[reaction],
    }),
  ])),
  "feedback.tip.expired": tipExpired({ ...occurrence(16), causationId: decisionId }, {
    decisionId,
    candidateId: "todoist:6X7rM8997g3RQmvh",
    servedAtMs: BigInt(atMs),
    expiredAtMs: BigInt(atMs + 14_400_000),
  }),
  "signals.task.appeared-backfill": taskChanged(
    occurrence(18),
    "appeared",
    { provider: "ical", task: bareTask },
    { origin: "backfill", removal: null, isInferred: false },
  ),
  "signals.task.completed-own-act": taskChanged(
    occurrence(19),
    "completed",
    { provider: "todoist", task, timesPostponed: 3 },
    { origin: "own-act", removal: null, isInferred: false },
  ),
  "signals.task.occurrence_completed": taskChanged(
    occurrence(20),
    "occurrence_completed",
    { provider: "todoist", task },
    { origin: "observed", removal: null, isInferred: true },
  ),
  "signals.task.restored": taskChanged(
    occurrence(21),
    "restored",
    { provider: "todoist", task },
    { origin: "observed", removal: null, isInferred: false },
  ),
  ...Object.fromEntries((["deleted", "withdrawn", "unknown", "disconnected"] as const).map((removal, index) => [
    `signals.task.removed-${removal}`,
    taskChanged(
      occurrence(22 + index),
      "removed",
      { provider: "todoist", task: bareTask },
      { origin: "observed", removal, isInferred: removal === "unknown" },
    ),
  ])),
  "accounts.user.opened": accountOpened(occurrence(17), { issuer: "demo" }),
}
