/**
 * How likely each candidate is to be served. A policy gives the whole distribution; drawing from it is `decide`'s part,
 * so the probability that is logged is the one that was used, by construction.
 */
import type { LinearModel } from "./LinearModel.ts"

export interface Policy {
  readonly name: string
  /**
   * Version of the algorithm with its settings, for example `1(epsilon=0.1)`. Logged; a replay asks for the same one.
   */
  readonly version: string
  /**
   * Fills `out` with the probability of each of the n candidates; `features` is row-major, n × d, row i belongs to
   * `ids[i]`. The values sum to 1 within 1e-12, are never negative, and do not depend on the order of the candidates.
   * Ties are shared or go by id.
   *
   * `seed` is for policies that draw (posterior votes): they must derive their own generator from `<seed>/<policy
   * name>`, because the bare seed's numbers choose the candidate.
   */
  readonly probabilities: (
    model: LinearModel,
    features: Float64Array,
    ids: ReadonlyArray<string>,
    out: Float64Array,
    seed: string,
  ) => void
}

/** Everyone alike: the baseline, and the logger whose data every other policy can be judged on. */
export const randomPolicy: Policy = {
  name: "random",
  version: "1",
  probabilities: (_model, _features, ids, out) => {
    out.fill(1 / ids.length, 0, ids.length)
  },
}
