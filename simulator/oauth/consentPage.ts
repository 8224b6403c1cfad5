/** The page that asks a person whether an app may have their data. */
import { escapeHtml, html, pageStyle } from "../html.ts"
import type { Reply } from "../reply.ts"
import type { World } from "../world.ts"
import type { OAuthClient } from "./clients.ts"
import type { Scope } from "./scopes.ts"

/** More than a person would look through. */
const usersShown = 50

const style = `${pageStyle}
form { margin-top: 1.5rem; display: grid; gap: 1rem; justify-items: start }
button, select { font: inherit; padding: .5rem 1rem }
.row { display: flex; gap: .75rem }
`

const hidden = (name: string, value: string): string =>
  `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`

/** `parameters` are those of the authorization request; they come back with the decision. */
export const consentPage = (
  world: World,
  client: OAuthClient,
  scopes: ReadonlyArray<Scope>,
  parameters: ReadonlyArray<readonly [string, string]>,
): Reply => {
  const demo = world.accounts.byToken.get(world.demoToken)
  const options = [...world.accounts.byUser.values()].slice(0, usersShown).map(({ userId, fullName }) =>
    `<option value="${escapeHtml(userId)}"${userId === demo?.userId ? " selected" : ""}>` +
    `${escapeHtml(fullName)} (${escapeHtml(userId)})</option>`
  )
  return html(
    "Allow access · Todoist simulator",
    style,
    `<h1>Allow <bdi>${escapeHtml(client.id)}</bdi> to use your Todoist?</h1>
<p>This is a simulator: nothing of yours is touched.</p>
<ul>${scopes.map((scope) => `<li><code>${scope}</code></li>`).join("")}</ul>
<form method="post" action="/oauth/authorize">${parameters.map(([name, value]) => hidden(name, value)).join("")}
<label>Account <select name="user_id">${options.join("")}</select></label>
<div class="row"><button name="decision" value="allow">Allow</button>
<button name="decision" value="cancel">Cancel</button></div></form>`,
  )
}
