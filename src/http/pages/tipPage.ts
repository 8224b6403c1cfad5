/** The one tip, or why there is none. */
import type { Connection } from "../../actors/UserSyncStore.ts"
import type { PastDecision } from "../../recommender/Decisions.ts"
import type { NoTipReason, Tip } from "../../../schemas/Tip.ts"
import { httpsLink, markup } from "./html.ts"
import type { Html } from "./html.ts"
import { blocks, inline, plain } from "./markdown.ts"
import type { Page } from "./page.ts"
import { dueWords, laterChoices, lengthWords, percentWords } from "./when.ts"

export type Shown = Pick<PastDecision, "decisionId" | "tip" | "policy" | "propensity" | "considered">

export interface TipView {
  readonly visitor: { readonly name: string; readonly zone: string }
  readonly shown: Shown | null
  /** Given when nothing is shown. */
  readonly reason: NoTipReason | null
  readonly connections: ReadonlyArray<Connection>
  readonly bar: Html | undefined
  /** Makes a double tap count once. */
  readonly key: string
  readonly nowMs: number
  /** Where tasks live when their tool is a simulated one. */
  readonly simulatorUrl: string | undefined
  readonly operatorLink: boolean
}

export const tipPage = (view: TipView): Page => ({
  title: view.shown === null ? emptyStates[view.reason ?? "no-candidates"].title : plain(view.shown.tip.title),
  layout: "tip",
  place: "/tip",
  visitor: view.visitor,
  operatorLink: view.operatorLink,
  main: markup`${view.bar}
${reconnectBar(view)}
${view.shown === null ? emptyState(view) : shownTip(view, view.shown)}`,
})

const reconnectBar = ({ connections }: TipView): Html | undefined =>
  connections.some(({ status }) => status === "needs-reconnect")
    ? markup`<div class="bar trouble" role="status">
<p>Todoist no longer accepts our token, so this list is not getting newer. <a href="/connect">Connect again</a></p>
</div>`
    : undefined

const shownTip = (view: TipView, shown: Shown): Html => {
  const { tip } = shown
  const long = [...tip.title].length > 90
  return markup`<article aria-labelledby="title">
${eyebrow(view, tip)}
<h1 id="title" dir="auto"${long && markup` class="long"`}>${inline(tip.title, "as words")}</h1>
${tip.body.trim() !== "" && markup`<div class="body">${blocks(tip.body)}</div>`}
${labels(tip)}
<section class="why" aria-labelledby="why"><h2 id="why">Why this one</h2>
<ul>${tip.meta.why.map((reason) => markup`<li>${reason}</li>`)}</ul></section>
</article>
<div class="act">
${reactions(view, shown)}
${aside(view, tip)}
</div>
<p class="fine">${provenance(view, shown)}</p>`
}

const eyebrow = ({ nowMs, visitor }: TipView, { kind, meta }: Tip): Html => {
  const due = dueWords(meta, nowMs, visitor.zone)
  return markup`<p class="eyebrow">
${meta.projectName !== null && markup`<span dir="auto">${meta.projectName}</span>`}
${kind === "advice" && markup`<span>A thought</span>`}
${due !== undefined && markup`<span${due.late && markup` class="late"`}>${due.words}</span>`}
${meta.isRecurring && markup`<span>Repeats</span>`}
</p>`
}

const labels = ({ meta }: Tip): Html | undefined =>
  meta.labels.length === 0
    ? undefined
    : markup`<ul class="labels" aria-label="Labels">${
      meta.labels.map((label) => markup`<li dir="auto">${label}</li>`)
    }</ul>`

/** One form with a button for each answer, so that one key serves them all. */
const reactions = ({ key, nowMs, visitor }: TipView, { decisionId, tip }: Shown): Html => {
  const to = (reaction: string) => `/tip/${decisionId}/${reaction}`
  const choices = laterChoices(nowMs, visitor.zone)
  return markup`<form class="reactions" method="post" action="${to("done")}">
<input type="hidden" name="key" value="${key}">
<button class="primary" type="submit" formaction="${to("done")}">Done</button>
${
    tip.kind === "advice" && markup`<button type="submit" formaction="${to("acknowledge")}">Got it</button>
<button type="submit" formaction="${to("save")}">Save</button>`
  }
<details><summary class="button">Later</summary><div class="choices">${
    choices.map(({ label, at, untilMs }) =>
      markup`<button type="submit" name="until" value="${untilMs}" formaction="${to("snooze")}">
${label} <small>${at}</small></button>`
    )
  }</div></details>
<button type="submit" formaction="${to("dismiss")}">Not this</button>
</form>`
}

const aside = ({ simulatorUrl }: TipView, tip: Tip): Html => {
  const href = httpsLink(tip.deepLink)
  const link = href === undefined
    ? undefined
    : simulatorUrl === undefined
    ? markup`<a class="quiet" href="${href}" rel="noopener noreferrer">Open in Todoist</a>`
    : markup`<a class="quiet" href="${simulatorUrl}" rel="noopener noreferrer">Open the simulator</a>`
  return markup`${link !== undefined && markup`<div class="aside">${link}</div>`}`
}

/** Honest about where it comes from: how old the data is, what chose it, and with which probability. */
const provenance = ({ connections, nowMs }: TipView, { policy, propensity, considered }: Shown): Html => {
  const connected = connections.filter(({ status }) => status !== "disconnected")
  const syncedAtMs = Math.max(...connected.map((one) => one.syncedAtMs ?? 0), 0)
  const age = nowMs - syncedAtMs
  const data = connected.length === 0
    ? markup`No tool is connected: <a href="/connect">connect your to-do list</a> to get tips from it.`
    : syncedAtMs === 0
    ? markup`Your to-do list has not been read yet.`
    : markup`Your to-do list was read ${age < 90_000 ? "just now" : `${lengthWords(age)} ago`}.`
  const choice = considered === 1
    ? `There was nothing else to choose from (${policy}).`
    : `Chosen with ${percentWords(propensity)} among ${considered} (${policy}).`
  return markup`${data} ${choice}`
}

interface EmptyState {
  readonly title: string
  readonly words: string
  readonly connect: boolean
}

const emptyStates: Readonly<Record<NoTipReason, EmptyState>> = {
  "not-connected": {
    title: "Let us begin",
    words: "Connect the to-do list you already keep, and one thing worth doing now appears here.",
    connect: true,
  },
  "no-candidates": {
    title: "Nothing waits for you",
    words: "Your list is empty. Enjoy it: new tasks show up here by themselves.",
    connect: false,
  },
  "all-sleeping": {
    title: "All quiet for now",
    words: "Everything is done, put off or set aside. What you put off comes back when its time has come.",
    connect: false,
  },
}

const emptyState = ({ reason }: TipView): Html => {
  const { title, words, connect } = emptyStates[reason ?? "no-candidates"]
  return markup`<div class="empty">
<h1>${title}</h1>
<p class="lead">${words}</p>
${
    connect
      ? markup`<p><a class="button primary" href="/connect">Connect a to-do list</a></p>`
      : markup`<p><a class="button" href="/tip">Look again</a></p>
<p><a class="quiet" href="/history">Bring one back</a></p>`
  }
</div>`
}
