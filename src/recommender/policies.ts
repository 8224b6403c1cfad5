/**
 * The policies that can be asked for by name. A new one is a file of its own and a line here.
 */
import { epsilonGreedy } from "./epsilonGreedy.ts"
import { randomPolicy } from "./Policy.ts"
import type { Policy } from "./Policy.ts"

export interface PolicySettings {
  /** Of `epsilon-greedy`: the share of decisions spread evenly over all candidates, in [0, 1]. */
  readonly epsilon?: number
}

const policies: ReadonlyMap<string, (settings: PolicySettings) => Policy> = new Map([
  ["random", () => randomPolicy],
  ["epsilon-greedy", epsilonGreedy],
])

export const policyNames: ReadonlyArray<string> = [...policies.keys()]

export class PolicyUnknown extends Error {
  readonly _tag = "PolicyUnknown"
  override readonly name = "PolicyUnknown"
  readonly policy: string
  readonly known: ReadonlyArray<string> = policyNames
  constructor(policy: string) {
    super(`no policy is named "${policy}"; known: ${policyNames.join(", ")}`)
    this.policy = policy
  }
}

/** Throws `PolicyUnknown`, and `RangeError` for a setting out of its bounds. Settings of other policies are ignored. */
export const policyNamed = (name: string, settings: PolicySettings = {}): Policy => {
  const make = policies.get(name)
  if (make === undefined) throw new PolicyUnknown(name)
  return make(settings)
}
