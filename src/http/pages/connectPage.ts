/** The state of the connection to every tool there is, and every way to change it. */
import type { Connection } from "../../actors/UserSyncStore.ts"
import { actsThere } from "../acting.ts"
import { problemWords, saidWords, troubleWords } from "./connectNotices.ts"
import type { Said, Trouble } from "./connectNotices.ts"
import { ways } from "./connectWays.ts"
import type { WaysView } from "./connectWays.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import { saidBar, troubleBar } from "./notices.ts"
import type { Page } from "./page.ts"
import { toolWords } from "./toolWords.ts"
import { absoluteWords, relativeWords } from "./when.ts"

export interface Tool {
  readonly connector: WaysView["connector"]
  readonly connection: Connection | undefined
}

export interface ConnectView {
  readonly visitor: { readonly name: string; readonly zone: string }
  readonly tools: ReadonlyArray<Tool>
  readonly simulatorUrl: string | undefined
  /** The tool that `said` and `trouble` are about. */
  readonly about: Tool["connector"]["provider"]
  readonly said: Said | undefined
  readonly trouble: Trouble | undefined
  readonly nowMs: number
  readonly operatorLink: boolean
}

/** Told beside the field, not above the page. */
const atPasted = (trouble: Trouble | undefined): boolean => trouble === "rejected" || trouble === "missing"

export const connectPage = (view: ConnectView): Page => {
  const { about, said, trouble, visitor, operatorLink } = view
  const words = toolWords[about]
  const hosts = view.tools.find(({ connector }) => connector.provider === about)?.connector.hosts
  return {
    title: "Connect",
    place: "/connect",
    visitor,
    operatorLink,
    main: markup`${said !== undefined && saidBar(saidWords(said, words))}
${trouble !== undefined && !atPasted(trouble) && troubleBar(troubleWords(trouble, words, hosts))}
<h1>Your tools</h1>
${view.tools.map((tool) => toolPart(view, tool))}`,
  }
}

const isLinked = (connection: Connection | undefined): connection is Connection =>
  connection !== undefined && connection.status !== "disconnected"

const toolPart = (view: ConnectView, { connector, connection }: Tool): Html => {
  const { provider } = connector
  const trouble = view.about === provider ? view.trouble : undefined
  const waysView: WaysView = {
    connector,
    replaces: trouble === "other-account",
    pastedTrouble: trouble !== undefined && atPasted(trouble)
      ? troubleWords(trouble, toolWords[provider], connector.hosts)
      : undefined,
    simulated: provider === "todoist" && view.simulatorUrl !== undefined,
  }
  if (!isLinked(connection)) {
    return markup`<p class="lead">${toolWords[provider].meaning}</p>
${provider === "todoist" && simulator(view)}
${ways(waysView)}`
  }
  if (isNotOffered(connector)) return status(view, connector, connection)
  return markup`${status(view, connector, connection)}
${
    trouble === "other-account"
      ? replacement(waysView)
      : connection.status === "connected" && !atPasted(trouble)
      ? markup`<details>
<summary class="quiet">Connect ${toolWords[provider].name} anew</summary>
<div class="confirm">${ways(waysView)}</div>
</details>`
      : ways(waysView)
  }`
}

/** Nothing is kept of what was tried: whoever goes on, goes the way again. */
const replacement = (view: WaysView): Html => {
  const { provider } = view.connector
  const { name, content } = toolWords[provider]
  return markup`<section class="card" aria-labelledby="${provider}-replace">
<h2 id="${provider}-replace">Use the other account instead?</h2>
<p>Then ${content} from the connected account is forgotten here, and the other one is read in its place. The two are
never mixed, and your past tips stay in the history.</p>
<p><a class="button" href="/connect">Keep the connected ${name} account</a></p>
</section>
${ways(view)}`
}

const statusWords: Readonly<Record<Connection["status"], Html>> = {
  connected: markup`<span class="state">Connected</span>`,
  "needs-reconnect": markup`<span class="state bad">Needs to be connected again</span>`,
  disconnected: markup`<span class="state off">Not connected</span>`,
}

const status = (view: ConnectView, connector: WaysView["connector"], connection: Connection): Html => {
  const { provider } = connector
  const simulatorUrl = provider === "todoist" ? view.simulatorUrl : undefined
  const { name, content, pasted } = toolWords[provider]
  const { status, syncedAtMs, nextSyncAtMs, connectedAtMs, lastProblem, problemCode } = connection
  return markup`<section class="card" aria-labelledby="${provider}">
<h2 id="${provider}">${name}${simulatorUrl !== undefined && " (simulated)"}</h2>
<dl class="facts">
<dt>Status</dt><dd>${statusWords[status]}</dd>
<dt>Since</dt><dd>${moment(view, connectedAtMs)}</dd>
<dt>Last read</dt><dd>${syncedAtMs === null ? "not yet" : moment(view, syncedAtMs)}</dd>
<dt>Next</dt><dd>${nextSyncAtMs === null || status !== "connected" ? "not planned" : moment(view, nextSyncAtMs)}</dd>
${
    lastProblem !== null && markup`<dt>Problem</dt>
<dd class="late">${problemWords(problemCode, lastProblem, toolWords[provider])}</dd>`
  }
</dl>
${isReadOnly(connector, connection) && consent(connector)}
${
    isNotOffered(connector) && markup`<p>${name} is no longer offered here, so it is not read. What is left to do is to
disconnect it.</p>`
  }
<div class="pair">
${
    !isNotOffered(connector) &&
    markup`<form method="post" action="/connect/${provider}/sync"><button type="submit"${
      view.tools.length > 1 && markup` aria-label="Read it now: ${name}"`
    }>Read it now</button></form>`
  }
<details><summary class="button"${
    view.tools.length > 1 && markup` aria-label="Disconnect: ${name}"`
  }>Disconnect</summary><div class="confirm">
<p>This forgets the ${pasted.noun} and ${content}, and ends our access at ${name} where we can. Past tips stay in your
history, and nothing you keep in ${name} is changed.</p>
<form method="post" action="/connect/${provider}/disconnect">
<button class="grave" type="submit">Yes, disconnect and forget</button></form></div></details>
</div>
${
    simulatorUrl !== undefined &&
    markup`<p class="fine"><a href="${simulatorUrl}" rel="noopener noreferrer">See the simulated tasks</a></p>`
  }
</section>`
}

/** Connected before the operator took its settings out. */
const isNotOffered = ({ grants }: WaysView["connector"]): boolean => grants.length === 0

/** The user let us read, and no more: what they mark as done here stays open there. */
const isReadOnly = (connector: WaysView["connector"], connection: Connection): boolean =>
  connection.status === "connected" && connector.canAct && connector.grants.includes("oauth") &&
  !actsThere(connector, connection)

const consent = ({ provider }: WaysView["connector"]): Html => {
  const { name } = toolWords[provider]
  return markup`<p>tipstream may read ${name} and change nothing there: what you mark as done here stays open in
${name}.</p>
<form method="post" action="/connect/${provider}/oauth"><input type="hidden" name="mayAct" value="1">
<button type="submit">Let tipstream complete tasks</button></form>`
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

/**
 * Between a press of ours and the tool. Not a redirect: browsers hold the form's policy (`form-action`) against every
 * step of one, and what a tool puts between its address and its sign-in is its own affair.
 */
export const leavingPage = (
  visitor: ConnectView["visitor"],
  provider: Tool["connector"]["provider"],
  authorizeUrl: string,
): Page => ({
  title: `To ${toolWords[provider].name}`,
  layout: "centred",
  visitor,
  forwardTo: authorizeUrl,
  main: markup`<div class="empty">
<h1>On to ${toolWords[provider].name}</h1>
<p class="lead">It asks you there what tipstream may do, and brings you back.</p>
<p><a class="button primary" href="${authorizeUrl}" rel="noopener noreferrer">Continue at ${
    toolWords[provider].name
  }</a></p>
</div>`,
})
