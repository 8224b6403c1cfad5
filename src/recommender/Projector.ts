/**
 * Turns signals into candidates. Runs as a consumer of SIGNALS, inside the transaction that remembers the events, so
 * each signal counts once; per user in the order they happened.
 */
import { Effect } from "effect"
import type { Candidate } from "../../schemas/Candidate.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { TaskChange } from "../../schemas/gen/tipstream/events/v1/signals_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { Candidates, keyText } from "./Candidates.ts"
import type { CandidateChanges, CandidateKey } from "./Candidates.ts"
import { candidateIdOf, taskCandidate } from "./taskCandidate.ts"

/** Name of the durable: also its position in the log. */
export const projectorDurable = "recommender_project_candidates"

export const project = Effect.fn("Projector.project")(function* (events: ReadonlyArray<Envelope>) {
  const store = yield* Candidates
  const keys = events.flatMap((event) => keyOf(event) ?? [])
  if (keys.length === 0) return
  yield* store.apply(changesOf(events, yield* store.load(keys)))
})

/** Folds a batch into one change per candidate. Pure. */
export const changesOf = (
  events: ReadonlyArray<Envelope>,
  before: ReadonlyMap<string, Candidate>,
): CandidateChanges => {
  const now = new Map<string, { readonly key: CandidateKey; readonly candidate: Candidate | undefined }>()
  const wakes = new Map<string, CandidateKey>()
  for (const event of events) {
    const key = keyOf(event)
    if (key === undefined || event.payload.case !== "taskChanged") continue
    const text = keyText(key)
    const earlier = now.has(text) ? now.get(text)!.candidate : before.get(text)
    const candidate = isGone(event.payload.value.change) ? undefined : taskCandidate(event.payload.value)
    // A recurring task that was completed comes back by moving its date; nothing else tells of it. Any other is gone
    // once it is completed: should the user open it again, it is not done any more.
    const isBack = earlier !== undefined && candidate !== undefined && isDueAnew(earlier, candidate)
    if (isBack || event.payload.value.change === TaskChange.COMPLETED) wakes.set(text, key)
    now.set(text, { key, candidate })
  }
  const changed = [...now.values()]
  return {
    upserts: changed.flatMap(({ key, candidate }) => candidate === undefined ? [] : [{ ...key, candidate }]),
    removes: changed.flatMap(({ key, candidate }) => candidate === undefined ? [key] : []),
    wakes: [...wakes.values()],
  }
}

const keyOf = (event: Envelope): CandidateKey | undefined => {
  const { payload } = event
  if (payload.case !== "taskChanged" || payload.value.task === undefined) return undefined
  return {
    owner: { tenantId: TenantId.make(event.tenantId), userId: UserId.make(event.userId) },
    candidateId: candidateIdOf(payload.value.provider, payload.value.task.taskId),
  }
}

const isGone = (change: TaskChange): boolean => change === TaskChange.COMPLETED || change === TaskChange.REMOVED

const isDueAnew = (earlier: Candidate, now: Candidate): boolean =>
  earlier.dueDate !== now.dueDate || earlier.dueAtMs !== now.dueAtMs
