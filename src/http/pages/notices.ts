/** What a page says about the thing just done: a bar above the rest. Codes travel in addresses, words never do. */
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import { inline, plain } from "./markdown.ts"
import { staysWords } from "./onlyRead.ts"
import type { OnlyRead } from "./onlyRead.ts"
import type { PastDecision } from "../../recommender/Decisions.ts"
import type { FeedbackError } from "../../recommender/Feedback.ts"
import type { TipState } from "../../recommender/reactionState.ts"

/** Why a reaction was not taken; a store that cannot be reached has a page of its own. */
export type Refusal = Exclude<FeedbackError["_tag"], "StoreUnavailable">

const refusals: Readonly<Record<Refusal, string>> = {
  TipUnknown: "That tip is not one of yours, or it is long gone.",
  TipHasExpired: "That tip had waited too long to be answered. Here is a fresh one.",
  TipSettled: "You had answered that tip before. The first answer stands.",
  NothingToUndo: "Only “Not this” and “Later” can be taken back.",
  SnoozeNotAhead: "That moment has passed. Choose another one.",
  IdempotencyKeyReused: "That page was out of date. Please choose again.",
}

export const refusalWords = (code: string | undefined): string | undefined =>
  code !== undefined && Object.hasOwn(refusals, code) ? refusals[code as Refusal] : undefined

const taken: Readonly<Record<TipState, string | undefined>> = {
  open: "Back again:",
  done: "Done:",
  snooze: "Later:",
  dismiss: "Not this:",
  acknowledge: "Got it:",
  save: "Saved:",
  expired: undefined,
  superseded: undefined,
}

export const isUndoable = (state: TipState): boolean => state === "dismiss" || state === "snooze"

/**
 * What became of a tip, with the way back where there is one. `key` makes a double tap count once; `onlyRead` is given
 * when the tool of the tip is not told.
 */
export const takenBar = ({ decisionId, tip, state }: PastDecision, key: string, onlyRead?: OnlyRead) => {
  const words = taken[state]
  if (words === undefined) return undefined
  const stays = state === "done" ? onlyRead : undefined
  return markup`<div class="bar" role="status">
<p>${stays === undefined ? words : "Done here:"} <bdi>${inline(shortened(tip.title), "as words")}</bdi>${
    stays !== undefined && markup`. ${staysWords(stays)}`
  }</p>
${isUndoable(state) && undoForm(decisionId, tip.title, key, "/tip")}
</div>`
}

export const undoForm = (decisionId: string, title: string, key: string, back: "/tip" | "/history"): Html =>
  markup`<form method="post" action="/tip/${decisionId}/undo">
<input type="hidden" name="key" value="${key}"><input type="hidden" name="back" value="${back}">
<button type="submit" aria-label="Undo: ${shortened(plain(title))}">Undo</button></form>`

export const troubleBar = (words: string): Html =>
  markup`<div class="bar trouble" role="alert">
<p>${words}</p>
</div>`

export const saidBar = (words: string): Html =>
  markup`<div class="bar" role="status">
<p>${words}</p>
</div>`

/** A bar is a reminder, not a reading. */
const titleMaxChars = 80

const shortened = (title: string): string => {
  const chars = [...title]
  return chars.length <= titleMaxChars ? title : `${chars.slice(0, titleMaxChars - 1).join("").trimEnd()}…`
}
