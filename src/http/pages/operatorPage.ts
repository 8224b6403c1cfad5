/** The state of the service for whoever runs it: who, what and when, never what a task says. */
import type { ActorView } from "../../actors/Actors.ts"
import type { DeadLetter } from "../../streams/DeadLetters.ts"
import type { ConsumerInfo, StreamInfo } from "../../streams/EventLog.ts"
import type { EventView, HealthReport } from "../Api.ts"
import { deadLetterSection, operatorAddress } from "./deadLetterSection.ts"
import type { DeadLettersView } from "./deadLetterSection.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import type { Page } from "./page.ts"
import { sheet } from "./sheet.ts"
import { syncSection } from "./syncSection.ts"
import type { SyncsView } from "./syncSection.ts"
import { lengthWords, relativeWords } from "./when.ts"

export interface OperatorView extends DeadLettersView {
  readonly health: typeof HealthReport.Type
  /** Undefined while the store cannot be reached. */
  readonly log: {
    readonly streams: ReadonlyArray<StreamInfo>
    readonly consumers: ReadonlyArray<ConsumerInfo>
    readonly deadLetters: ReadonlyArray<DeadLetter>
    /** Open ones in all, shown or not. */
    readonly deadLettersOpen: number
    readonly events: ReadonlyArray<typeof EventView.Type>
  } | undefined
  /** Undefined while the store cannot be reached. */
  readonly syncs: SyncsView | undefined
  readonly actors: {
    /** By state. */
    readonly counts: Readonly<Record<string, number>>
    /** Those in trouble first; not all of them. */
    readonly shown: ReadonlyArray<ActorView>
  }
  /** Signed in by the form on this page, so there is something to sign out of. */
  readonly byToken: boolean
}

const reloadSeconds = 5

export const operatorPage = (view: OperatorView): Page => ({
  title: view.health.status === "ok" ? "Operator" : "Operator: degraded",
  layout: "wide",
  ...(view.live ? { reloadSeconds } : {}),
  main: markup`<h1>Operator</h1>
<div class="live"><p class="soft">${
    view.live
      ? markup`Reloads every ${reloadSeconds} seconds. <a href="${operatorAddress({ ...view, live: false })}">Pause</a>`
      : markup`Paused. <a href="${operatorAddress({ ...view, live: true })}">Go live</a>`
  }</p>
${
    view.byToken && markup`<form method="post" action="/operator/sign-out">
<button class="quiet" type="submit">Forget the token</button></form>`
  }</div>
${health(view)}
${
    view.syncs === undefined
      ? markup`<p class="late">Who is late cannot be read just now.</p>`
      : syncSection(view.syncs, view.nowMs)
  }
${view.log === undefined ? markup`<p class="late">The event log cannot be read just now.</p>` : logs(view, view.log)}
${actors(view)}
${view.log !== undefined && events(view, view.log.events)}`,
})

const health = ({ health }: OperatorView): Html =>
  markup`<section class="card" aria-labelledby="health">
<h2 id="health">Health</h2>
<dl class="facts">
<dt>Status</dt><dd><span class="state${health.status !== "ok" && " bad"}">${health.status}</span></dd>
<dt>Takes requests</dt><dd>${health.ready ? "yes" : "no"}</dd>
<dt>Database</dt><dd>${health.database}</dd>
<dt>Event log</dt><dd>${logWords(health)}</dd>
<dt>Version</dt><dd>${health.version}</dd>
<dt>Runtime</dt><dd>${health.runtime}</dd>
<dt>Up for</dt><dd>${lengthWords(health.uptimeMs)}</dd>
    ${
    health.problems.length > 0 && markup`<dt>Problems</dt>
<dd class="late">${health.problems.join("; ")}</dd>`
  }
</dl>
</section>`

const logWords = ({ log, waiting }: typeof HealthReport.Type): string => {
  const where = log === "jetstream" ? "on NATS" : log === "embedded" ? "in the database" : "in memory"
  return waiting === 0 ? where : `${where}, ${waiting} ${waiting === 1 ? "event waits" : "events wait"} to get there`
}

const logs = (view: OperatorView, log: NonNullable<OperatorView["log"]>): Html =>
  markup`${view.health.log === "jetstream" && !view.health.ready && markup`<p>Streams and consumers as last known.</p>`}
${
    sheet(
      "Streams",
      "No stream yet.",
      ["Stream", "#First", "#Last", "#Events"],
      log.streams.map((one) => [
        one.stream,
        one.firstSequence,
        one.lastSequence,
        one.messages,
      ]),
    )
  }
${
    sheet(
      "Consumers",
      "No consumer yet.",
      ["Consumer", "#Behind", "#In flight", "#Retrying", "Stream"],
      log.consumers.map(
        (one) => [one.durable, one.lag, one.inFlight, one.retrying, one.stream],
      ),
    )
  }
${deadLetterSection(view, log)}`

const actors = ({ actors }: OperatorView): Html =>
  sheet(
    "Actors",
    "All are asleep.",
    ["Actor", "State", "#Queued", "#Restarts"],
    actors.shown.map((one) => [
      one.id,
      one.state,
      one.queued,
      one.restarts,
    ]),
    actors.shown.length > 0 && markup`<p class="soft">${
      Object.entries(actors.counts).map(([state, count]) => `${count} ${state}`).join(", ")
    }</p>`,
  )

const events = ({ nowMs }: OperatorView, last: ReadonlyArray<typeof EventView.Type>): Html =>
  sheet(
    "Last events",
    "Nothing happened yet.",
    [
      "Stream",
      "#No.",
      "Type",
      "When",
      "Tenant",
      "User",
      "Correlation",
      "Id",
    ],
    last.map((one) => [
      one.stream,
      one.sequence,
      one.type,
      one.time === null
        ? ""
        : markup`<time datetime="${one.time}">${relativeWords(Date.parse(one.time), nowMs)}</time>`,
      one.tenantId,
      one.userId,
      one.correlationId,
      one.id,
    ]),
  )

/** For whoever may not see it. `way`: how they could. */
export const operatorDoor = (way: "token" | "wrong token" | "none"): Page => ({
  title: "Operator",
  layout: "centred",
  main: markup`<div class="front">
<h1>For the operator</h1>
${
    way === "none"
      ? markup`<p class="lead">This page is closed. Set <code>ADMIN_TOKEN</code> and start again to open it with that
token; in demo mode it is open on the machine that runs tipstream.</p>`
      : markup`<p class="lead">It shows the health of the service, and opens with its <code>ADMIN_TOKEN</code>.</p>
<form method="post" action="/operator/sign-in" autocomplete="off"><div class="field">
<label for="token">Operator’s token</label>
<input id="token" name="token" type="password" required maxlength="500" autocomplete="off" autocapitalize="off"
spellcheck="false"${way === "wrong token" && markup` aria-invalid="true" aria-errormessage="token-trouble"`}>
${
        way === "wrong token" &&
        markup`<small class="late" id="token-trouble" role="alert">This is not the operator’s token.</small>`
      }</div>
<button class="primary" type="submit">Open</button></form>`
  }
</div>`,
})
