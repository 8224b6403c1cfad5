/** The projection of signals into what could be the tip now: one row per candidate of a user. */
import { Context } from "effect"
import type { Effect } from "effect"
import type { Candidate } from "../../schemas/Candidate.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

export interface CandidateKey {
  readonly owner: Owner
  readonly candidateId: string
}

export interface CandidateChanges {
  readonly upserts: ReadonlyArray<CandidateKey & { readonly candidate: Candidate }>
  readonly removes: ReadonlyArray<CandidateKey>
  /** No longer to sleep for having been done: due again, or completed in the tool, which may open them again. */
  readonly wakes: ReadonlyArray<CandidateKey>
}

export class Candidates extends Context.Service<Candidates, {
  readonly load: (keys: ReadonlyArray<CandidateKey>) => Effect.Effect<ReadonlyMap<string, Candidate>, StoreUnavailable>
  /** Joins the transaction it is called in. */
  readonly apply: (changes: CandidateChanges) => Effect.Effect<void, StoreUnavailable>
}>()("tipstream/recommender/Candidates") {}

export const keyText = ({ owner, candidateId }: CandidateKey): string =>
  `${owner.tenantId}/${owner.userId}/${candidateId}`
