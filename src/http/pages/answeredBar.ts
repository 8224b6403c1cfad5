/** The bar about the last answer, from what the address names. Only tips of the user are found. */
import { Effect } from "effect"
import { Decisions } from "../../recommender/Decisions.ts"
import type { DecisionId, Owner } from "../../../schemas/ids.ts"
import { refusalWords, takenBar, troubleBar } from "./notices.ts"
import { onlyReadOf, onlyReadTools } from "./onlyRead.ts"
import { decisionIdOf, queryOf } from "./visitor.ts"

export const findOwn = Effect.fnUntraced(function* (owner: Owner, id: DecisionId | undefined) {
  const { find } = yield* Decisions
  return id === undefined
    ? undefined
    : yield* Effect.catchTag(find(owner, id), "TipUnknown", () => Effect.succeed(undefined))
})

export const answeredBar = Effect.fnUntraced(function* (owner: Owner, key: string) {
  const refused = refusalWords(yield* queryOf("refused"))
  if (refused !== undefined) return troubleBar(refused)
  const answered = yield* findOwn(owner, decisionIdOf(yield* queryOf("answered")))
  if (answered?.state !== "done") return answered === undefined ? undefined : takenBar(answered, key)
  return takenBar(answered, key, onlyReadOf(yield* onlyReadTools(owner), answered.tip.source))
})
