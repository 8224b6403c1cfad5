/** One line in the log for what an operator did with dead letters: ids and numbers, never what was in them. */
import { Effect } from "effect"
import type { RedriveReport } from "./DeadLetters.ts"

export const tellRedriven = ({ redriven, refused }: RedriveReport) =>
  redriven.length + refused.length === 0 ? Effect.void : Effect.logInfo(
    `dead letters: ${redriven.length} sent again, ${refused.length} refused`,
    { redriven: redriven.map(({ id }) => id), refused: refused.map(({ id }) => id) },
  )

export const tellDropped = (ids: ReadonlyArray<number>) =>
  ids.length === 0 ? Effect.void : Effect.logWarning(`dead letters: ${ids.length} dropped`, { dropped: ids })
