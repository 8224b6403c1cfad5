/** The state of the connection to the to-do list, and every way to change it. */
import type { Connection } from "../../actors/UserSyncStore.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import { saidBar, troubleBar } from "./notices.ts"
import type { Page } from "./page.ts"
import { absoluteWords, relativeWords } from "./when.ts"

const saids = {
  connected: "Connected. Your list is here.",
  synced: "Your list is up to date.",
  disconnected: "Disconnected. The token and your list were forgotten; your past tips stay in the history.",
} as const
export type Said = keyof typeof saids

const troubles = {
  rejected: "Todoist does not accept this token. Copy it again, whole, and paste it here.",
  missing: "Paste your token first.",
  failed: "Todoist did not answer as it should. Try again in a minute.",
  busy: "Something is still under way for you. Try again in a moment.",
  "other-account": "That is another Todoist account than the one connected. Nothing was changed.",
  unsupported: "Todoist is not connected that way here.",
  "not-connected": "There is nothing to read yet: connect Todoist first.",
} as const
export type Trouble = keyof typeof troubles

const known = <Code extends string>(words: Readonly<Record<Code, string>>, code: string | undefined) =>
  code !== undefined && Object.hasOwn(words, code) ? code as Code : undefined

export const saidOf = (code: string | undefined): Said | undefined => known(saids, code)
export const troubleOf = (code: string | undefined): Trouble | undefined => known(troubles, code)

export interface ConnectView {
  readonly visitor: { readonly name: string; readonly zone: string }
  readonly connection: Connection | undefined
  readonly simulatorUrl: string | undefined
  readonly said: Said | undefined
  readonly trouble: Trouble | undefined
  readonly nowMs: number
  readonly operatorLink: boolean
}

export const connectPage = (view: ConnectView): Page => {
  const { connection, said, trouble, visitor, operatorLink } = view
  const linked = connection !== undefined && connection.status !== "disconnected"
  const atToken = trouble === "rejected" || trouble === "missing"
  return {
    title: "Connect",
    place: "/connect",
    visitor,
    operatorLink,
    main: markup`${said !== undefined && saidBar(saids[said])}
${trouble !== undefined && !atToken && troubleBar(troubles[trouble])}
<h1>Your to-do list</h1>
${linked ? status(view, connection) : invitation}
${linked ? undefined : simulator(view)}
${
      connection?.status === "connected" && !atToken
        ? markup`<details>
<summary class="quiet">Use another token</summary>
<div class="confirm">${tokenForm(view)}</div>
</details>`
        : tokenForm(view)
    }`,
  }
}

const invitation =
  markup`<p class="lead">tipstream reads your open tasks from Todoist and closes those you mark as done. It changes
nothing else.</p>`

const statusWords: Readonly<Record<Connection["status"], Html>> = {
  connected: markup`<span class="state">Connected</span>`,
  "needs-reconnect": markup`<span class="state bad">Needs to be connected again</span>`,
  disconnected: markup`<span class="state off">Not connected</span>`,
}

const status = (view: ConnectView, connection: Connection): Html => {
  const { simulatorUrl } = view
  const { status, syncedAtMs, nextSyncAtMs, connectedAtMs, lastProblem } = connection
  return markup`<section class="card" aria-labelledby="todoist">
<h2 id="todoist">Todoist${simulatorUrl !== undefined && " (simulated)"}</h2>
<dl class="facts">
<dt>Status</dt><dd>${statusWords[status]}</dd>
<dt>Since</dt><dd>${moment(view, connectedAtMs)}</dd>
<dt>Last read</dt><dd>${syncedAtMs === null ? "not yet" : moment(view, syncedAtMs)}</dd>
<dt>Next</dt><dd>${nextSyncAtMs === null || status !== "connected" ? "not planned" : moment(view, nextSyncAtMs)}</dd>
${
    lastProblem !== null && markup`<dt>Problem</dt>
<dd class="late">${lastProblem}</dd>`
  }
</dl>
<div class="pair">
<form method="post" action="/connect/todoist/sync"><button type="submit">Read it now</button></form>
<details><summary class="button">Disconnect</summary><div class="confirm">
<p>This forgets your token and the list read from Todoist. Past tips stay in your history, and nothing
changes in Todoist itself.</p>
<form method="post" action="/connect/todoist/disconnect">
<button class="grave" type="submit">Yes, disconnect and forget</button></form></div></details>
</div>
${
    simulatorUrl !== undefined &&
    markup`<p class="fine"><a href="${simulatorUrl}" rel="noopener noreferrer">See the simulated tasks</a></p>`
  }
</section>`
}

const moment = ({ nowMs, visitor: { zone } }: ConnectView, atMs: number): Html =>
  markup`${relativeWords(atMs, nowMs)} <small>${absoluteWords(atMs, nowMs, zone)}</small>`

const simulator = ({ simulatorUrl }: ConnectView): Html | undefined =>
  simulatorUrl === undefined ? undefined : markup`<section class="card" aria-labelledby="simulated">
<h2 id="simulated">A simulated Todoist</h2>
<p>About sixty tasks that live on this machine, to try everything without an account.</p>
<form method="post" action="/connect/simulator">
<button class="primary" type="submit">Connect the simulated account</button></form>
<p class="fine"><a href="${simulatorUrl}" rel="noopener noreferrer">See its tasks</a></p>
</section>`

const tokenForm = ({ trouble, simulatorUrl }: ConnectView): Html => {
  const words = trouble === "rejected" || trouble === "missing" ? troubles[trouble] : undefined
  return markup`<section class="card" aria-labelledby="own">
<h2 id="own">Your own Todoist</h2>
<form method="post" action="/connect/todoist" autocomplete="off">
<div class="field">
<label for="token">Personal API token</label>
<input id="token" name="token" type="password" required maxlength="500" autocomplete="off" autocapitalize="off"
spellcheck="false" aria-describedby="token-help"${
    words !== undefined && markup` aria-invalid="true" aria-errormessage="token-trouble"`
  }>
${words !== undefined && markup`<small class="late" id="token-trouble" role="alert">${words}</small>`}
<small id="token-help">In Todoist: Settings → Integrations → Developer → Copy API token. It is kept encrypted, and
forgotten when you disconnect.</small>
</div>
${
    simulatorUrl !== undefined && markup`<small>This service reads the simulated Todoist, so only its tokens work here.
For your own account, stop it and start it with <code>TODOIST_TOKEN</code> set.</small>`
  }
<button type="submit">Connect with this token</button>
</form>
</section>`
}
