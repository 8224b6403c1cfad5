/** The store's adapters over a fresh database, with users to own what a test writes. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import * as MigratedDatabase from "../../test/support/migratedDatabase.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { tipServed } from "../../schemas/events.ts"
import { DecisionId, TenantId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import { uuidv7 } from "../../schemas/uuid.ts"
import { Accounts } from "../identity/Accounts.ts"
import { todo, wednesdayMorning } from "../recommender/candidate.fixture.ts"
import type { Decision } from "../recommender/Decisions.ts"
import { open } from "../streams/envelope.ts"
import { Undecodable } from "../streams/envelope.ts"
import { streamNames } from "../streams/names.ts"
import * as LogSignals from "./LogSignals.ts"
import * as SqlAccounts from "./SqlAccounts.ts"
import * as SqlCandidates from "./SqlCandidates.ts"
import * as SqlDecisions from "./SqlDecisions.ts"
import * as SqlOutbox from "./SqlOutbox.ts"
import * as SqlPolicyStates from "./SqlPolicyStates.ts"
import * as SqlSessions from "./SqlSessions.ts"
import * as SqlUserSyncStore from "./SqlUserSyncStore.ts"

const partitions = 8
export const sessionIdleMs = 3_600_000
export const acme = TenantId.make("acme")
export const nowMs = wednesdayMorning.decidedAtMs
export const hourMs = 3_600_000

/** As the event log prepares them at its start. */
const streams = Layer.effectDiscard(Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const stream of streamNames) {
    yield* sql`INSERT INTO streams (stream, partitions, created_at_ms) VALUES (${stream}, ${partitions}, 0)`
  }
}))

export const layer = Layer.mergeAll(
  SqlAccounts.layer,
  SqlCandidates.layer,
  SqlDecisions.layer({ partitions }),
  SqlPolicyStates.layer,
  SqlSessions.layer({ idleMs: sessionIdleMs }),
  SqlUserSyncStore.layer({ holder: "store test" }),
).pipe(
  Layer.provideMerge(SqlOutbox.layer({ partitions })),
  Layer.provideMerge(LogSignals.layer),
  Layer.provideMerge(streams.pipe(Layer.provideMerge(MigratedDatabase.layer))),
)

/** Somebody no other test knows. */
export const newUser: Effect.Effect<Owner, unknown, Accounts> = Accounts.use((accounts) =>
  accounts.open({
    tenantId: acme,
    issuer: "test",
    subject: randomUUID(),
    displayName: "Anna",
    timeZone: "Europe/Berlin",
  })
)

export const newDecisionId = (atMs = nowMs): DecisionId =>
  DecisionId.make(uuidv7(atMs, crypto.getRandomValues(new Uint8Array(10))))

export const decisionOf = (
  owner: Owner,
  given: Partial<Decision> & { readonly candidateId?: string } = {},
): Decision => {
  const { candidateId = `todoist:${randomUUID()}`, ...rest } = given
  const decisionId = rest.decisionId ?? newDecisionId()
  const candidate = todo(candidateId)
  return {
    decisionId,
    owner,
    tip: {
      id: decisionId,
      kind: candidateId.startsWith("library:") ? "advice" : "todo",
      title: candidate.title,
      body: "",
      source: candidateId.split(":")[0]!,
      deepLink: null,
      meta: {
        candidateId,
        projectName: null,
        labels: [],
        priority: 1,
        dueDate: null,
        dueAt: null,
        isRecurring: false,
        why: ["because"],
        expiresAt: new Date(nowMs + hourMs).toISOString(),
      },
    },
    context: wednesdayMorning,
    features: Float64Array.of(1, 0.1, 1 / 3),
    featureSchema: "features-v1",
    policy: "random",
    policyVersion: "1",
    statePosition: 0,
    propensity: 0.1 + 0.2,
    considered: 3,
    servedAtMs: nowMs,
    expiresAtMs: nowMs + hourMs,
    dataAgeMs: null,
    ...rest,
  }
}

export const servedEventOf = ({ decisionId, owner, servedAtMs }: Decision): Envelope =>
  tipServed({ ...owner, id: decisionId, atMs: servedAtMs, correlationId: "c" }, { decisionId })

/** The user's events so far, oldest first, as a reader of the log gets them. */
export const eventsOf = Effect.fnUntraced(function* (owner: Owner) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<
    { readonly subject: string; readonly headers: Record<string, string>; readonly payload: Uint8Array }
  >`SELECT subject, headers, payload FROM outbox
    WHERE subject LIKE ${`tenant.${owner.tenantId}.%.${owner.userId}`} ORDER BY position`
  return rows.map((row) => {
    const event = open(row)
    if (event instanceof Undecodable) throw event
    return event
  })
})

export const eventTypesOf = (owner: Owner) =>
  Effect.map(
    eventsOf(owner),
    (events) => events.map(({ type }) => type).filter((type) => type !== "accounts.user.opened"),
  )
