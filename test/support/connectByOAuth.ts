/** The way of a user to the simulated Todoist and back, who agrees to everything. */
import { expect } from "vitest"
import { clientOf } from "./httpClient.ts"
import type { User } from "./world.ts"

/** `token` names the account at the simulator; `clientId` is the app the service is to it. */
export const connectByOAuth = async (user: User, simulatorUrl: string, clientId: string, token: string) => {
  const begun = await user.call("POST", "/v1/connectors/todoist", { json: { oauth: true, mayAct: true } })
  const asked = new URL(begun.json<{ readonly authorizeUrl: string }>().authorizeUrl).searchParams
  const approved = await clientOf(simulatorUrl).call("POST", "/_sim/oauth/approve", {
    json: {
      clientId,
      scope: asked.get("scope"),
      state: asked.get("state"),
      redirectUri: asked.get("redirect_uri"),
      codeChallenge: asked.get("code_challenge"),
      token,
    },
  })
  if (approved.status >= 300) throw new Error(`the simulator refused to approve: ${approved.text}`)
  const { pathname, search } = new URL(approved.json<{ readonly redirect: string }>().redirect)
  expect((await user.call("GET", pathname + search)).headers.location).toContain("said=connected")
}
