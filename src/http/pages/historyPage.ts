/** What was shown, and what was answered. */
import type { PastDecision } from "../../recommender/Decisions.ts"
import { toLocal } from "../../../schemas/localTime.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import { inline } from "./markdown.ts"
import { isUndoable, undoForm } from "./notices.ts"
import { onlyReadOf, staysWords } from "./onlyRead.ts"
import type { OnlyRead } from "./onlyRead.ts"
import type { Page } from "./page.ts"
import { clockWords, dayWords, percentWords, relativeWords } from "./when.ts"

export interface HistoryView {
  readonly visitor: { readonly name: string; readonly zone: string }
  readonly past: ReadonlyArray<PastDecision>
  /** `before` of the next page; undefined on the last one. */
  readonly olderMs: number | undefined
  readonly isFirst: boolean
  readonly bar: Html | undefined
  /** Tools that are not told what is done here. */
  readonly onlyRead: ReadonlyArray<OnlyRead>
  /** Makes a double tap count once. */
  readonly key: string
  readonly nowMs: number
  readonly operatorLink: boolean
}

export const historyPage = (view: HistoryView): Page => ({
  title: "History",
  place: "/history",
  visitor: view.visitor,
  operatorLink: view.operatorLink,
  main: markup`${view.bar}
<h1>History</h1>
${notTold(view)}
${view.past.length === 0 ? none(view) : byDay(view)}
${pages(view)}`,
})

/** Of tools that something was done of. What may be done there now need not have been so then. */
const notTold = ({ onlyRead, past }: HistoryView): ReadonlyArray<Html> =>
  onlyRead
    .filter(({ provider }) => past.some(({ state, tip }) => state === "done" && tip.source === provider))
    .map((tool) => markup`<p class="fine">What you mark as done is done here. ${staysWords(tool)}</p>`)

const none = ({ isFirst }: HistoryView): Html =>
  isFirst
    ? markup`<p class="lead">Nothing here yet. What you answer to your tips is kept here.</p>
<p><a class="button primary" href="/tip">See your tip</a></p>`
    : markup`<p class="lead">That was all.</p>`

const byDay = (view: HistoryView): ReadonlyArray<Html> => {
  const { visitor: { zone }, nowMs } = view
  const today = toLocal(nowMs, zone).date
  const days = new Map<string, Array<PastDecision>>()
  for (const one of view.past) {
    const { date } = toLocal(one.servedAtMs, zone)
    days.set(date, [...days.get(date) ?? [], one])
  }
  return [...days].map(([date, ones]) => {
    const words = dayWords(date, today)
    return markup`<h2 class="day">${words.charAt(0).toUpperCase()}${words.slice(1)}</h2>
<ol class="past">${ones.map((one) => entry(view, one))}</ol>`
  })
}

const states: Readonly<Record<PastDecision["state"], string>> = {
  open: "Waiting for your answer",
  expired: "Not answered",
  superseded: "Another tip took its place",
  done: "Done",
  snooze: "Put off",
  dismiss: "Not this",
  acknowledge: "Got it",
  save: "Saved",
}

const entry = ({ key, nowMs, onlyRead, visitor: { zone } }: HistoryView, past: PastDecision): Html => {
  const state = past.state === "open" && past.expiresAtMs <= nowMs ? "expired" : past.state
  const answered = past.reactedAtMs === null ? "" : `, ${relativeWords(past.reactedAtMs, nowMs)}`
  const words = state === "done" && onlyReadOf(onlyRead, past.tip.source) !== undefined ? "Done here" : states[state]
  return markup`<li><div>
<p class="what" dir="auto">${inline(past.tip.title, "as words")}</p>
<p class="fine">${
    state === "open" ? markup`<a href="/tip?tip=${past.decisionId}">${states.open}</a>` : words
  }${answered}</p>
<p class="fine">Shown at ${clockWords(past.servedAtMs, zone)}, chosen with ${
    percentWords(past.propensity)
  } among ${past.considered}</p>
</div>
${isUndoable(past.state) && undoForm(past.decisionId, past.tip.title, `${key}:${past.decisionId}`, "/history")}
</li>`
}

const pages = ({ isFirst, olderMs }: HistoryView): Html | undefined =>
  isFirst && olderMs === undefined ? undefined : markup`<nav class="pages" aria-label="Pages">
${isFirst ? markup`<span></span>` : markup`<a href="/history">Newest</a>`}
${olderMs !== undefined && markup`<a href="/history?before=${olderMs}">Older</a>`}
</nav>`
