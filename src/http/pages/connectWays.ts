/** Every way to connect a tool, as forms. */
import type { ConnectorShape } from "../../connectors/Connector.ts"
import { addressMaxChars, tokenMaxChars } from "../Api.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import { toolWords } from "./toolWords.ts"
import type { ToolWords } from "./toolWords.ts"

export type Grant = ConnectorShape["grants"][number]

export interface WaysView {
  readonly connector: Pick<ConnectorShape, "provider" | "grants" | "canAct" | "actScope" | "hosts">
  /** The user agrees that another account takes the place of the connected one. */
  readonly replaces: boolean
  /** What is wrong with what was pasted. */
  readonly pastedTrouble: string | undefined
  readonly simulated: boolean
}

export const ways = (view: WaysView): Html => markup`${view.connector.grants.map((grant) => way[grant](view))}`

const replaceField = ({ replaces }: WaysView): Html | false =>
  replaces && markup`<input type="hidden" name="replace" value="1">`

const byOAuth = (view: WaysView): Html => {
  const { provider, actScope } = view.connector
  const { name } = toolWords[provider]
  const id = `${provider}-oauth`
  return markup`<section class="card" aria-labelledby="${id}">
<h2 id="${id}">Let tipstream into ${name}</h2>
<form method="post" action="/connect/${provider}/oauth">${replaceField(view)}
${
    actScope !== undefined &&
    markup`<label class="tick"><input type="checkbox" name="mayAct" value="1">
<span>Also complete there what I mark as done here</span></label>`
  }
<button class="primary" type="submit">Connect with ${name}</button></form>
<p class="fine">${name} asks you there, and tipstream never sees your password.</p>
</section>`
}

const byPasting = (view: WaysView, input: Html, heading: string, field: string): Html => {
  const { connector: { provider }, pastedTrouble, simulated } = view
  const { pasted: { noun, label, help } } = toolWords[provider]
  const id = `${provider}-${field}`
  return markup`<section class="card" aria-labelledby="${id}-way">
<h2 id="${id}-way">${heading}</h2>
<form method="post" action="/connect/${provider}" autocomplete="off">${replaceField(view)}
<div class="field">
<label for="${id}">${label}</label>
<input id="${id}" name="${field}"${input} required autocomplete="off" autocapitalize="off"
spellcheck="false" aria-describedby="${id}-help"${
    pastedTrouble !== undefined && markup` aria-invalid="true" aria-errormessage="${id}-trouble"`
  }>
${pastedTrouble !== undefined && markup`<small class="late" id="${id}-trouble" role="alert">${pastedTrouble}</small>`}
<small id="${id}-help">${help}</small>
</div>
${
    simulated && markup`<small>This service reads the simulated Todoist, so only its tokens work here.
For your own account, stop it and start it with <code>TODOIST_TOKEN</code> set.</small>`
  }
<button type="submit">Connect with this ${noun}</button>
</form>
</section>`
}

const ownWords = ({ name }: ToolWords): string => `Your own ${name}`

const way: Readonly<Record<Grant, (view: WaysView) => Html>> = {
  oauth: byOAuth,
  token: (view) =>
    byPasting(
      view,
      markup` type="password" maxlength="${tokenMaxChars}"`,
      ownWords(toolWords[view.connector.provider]),
      "token",
    ),
  // The address is a secret too, but a person has to see that it is the right one.
  address: (view) =>
    byPasting(
      view,
      markup` type="url" maxlength="${addressMaxChars}" placeholder="https://"`,
      toolWords[view.connector.provider].name,
      "address",
    ),
}
