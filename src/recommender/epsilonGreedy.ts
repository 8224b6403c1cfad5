/**
 * Mostly the best prediction, sometimes anyone: ε/n for every candidate, and the remaining 1 - ε shared by those tied
 * on the best. Sharing is what Vowpal Wabbit's `--cb_explore_adf --epsilon` does; picking one of the tied would depend
 * on their order.
 */
import type { Policy } from "./Policy.ts"

/** One decision in ten explores: enough support to judge other policies later, little enough not to annoy. */
const epsilonDefault = 0.1

/** Throws `RangeError` when ε is not within [0, 1]. At 0 nothing explores, and the log can judge no other policy. */
export const epsilonGreedy = ({ epsilon = epsilonDefault }: { readonly epsilon?: number } = {}): Policy => {
  if (!(epsilon >= 0 && epsilon <= 1)) throw new RangeError(`epsilon must be within [0, 1], not ${epsilon}`)
  return {
    name: "epsilon-greedy",
    version: `1(epsilon=${epsilon})`,
    probabilities: (model, features, ids, out) => {
      const n = ids.length
      let best = -Infinity
      for (let i = 0; i < n; i++) {
        // `out` holds the predictions until all are known: no second array.
        const predicted = model.predict(features, i * model.dimension)
        out[i] = predicted
        if (predicted > best) best = predicted
      }
      let tied = 0
      for (let i = 0; i < n; i++) if (out[i] === best) tied++
      const floor = epsilon / n
      const greedy = floor + (1 - epsilon) / tied
      for (let i = 0; i < n; i++) out[i] = out[i] === best ? greedy : floor
    },
  }
}
