/** The authorization request: what it asks, what is wrong with it, and where the user's answer leads. */
import { accountOfUser } from "../accounts.ts"
import type { World } from "../world.ts"
import { type OAuthClient, redirectUriOf } from "./clients.ts"
import { issueCode } from "./grants.ts"
import { readScopes, type Scope } from "./scopes.ts"

type Asked = {
  readonly client: OAuthClient
  readonly scopes: ReadonlyArray<Scope>
  readonly redirectUri: string
  /** Whether the request named the URI itself. */
  readonly named: boolean
  readonly state: string | undefined
  readonly challenge: string | undefined
}

/** Said to the browser as JSON, because nobody may be redirected. */
export type Unredirectable = { readonly error: string; readonly error_description: string }

type Answer =
  | { readonly kind: "asked"; readonly asked: Asked }
  | { readonly kind: "redirect"; readonly to: string }
  | { readonly kind: "refused"; readonly why: Unredirectable }

const redirectTo = (uri: string, fields: Readonly<Record<string, string | undefined>>): string => {
  const url = new URL(uri)
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) url.searchParams.set(key, value)
  return url.href
}

const refused = (error: string, description: string): Answer => ({
  kind: "refused",
  why: { error, error_description: description },
})

/** `get` gives the parameters `client_id, scope, state, redirect_uri, response_type, code_challenge(_method)`. */
export const readAuthorization = (world: World, get: (name: string) => string | undefined): Answer => {
  const client = world.grants.clients.get(get("client_id") ?? "")
  if (client === undefined) return refused("invalid_client", "no app has this client_id")
  const given = get("redirect_uri")
  const redirectUri = redirectUriOf(client, given)
  if (redirectUri === undefined) {
    return given === undefined
      ? refused("invalid_request", "redirect_uri is required, because the app has several")
      : refused("invalid_redirect_uri", "the app has no such redirect URI")
  }
  const state = get("state")
  const failed = (error: string): Answer => ({ kind: "redirect", to: redirectTo(redirectUri, { error, state }) })
  if (client.suspended) return failed("invalid_application_status")
  const scopes = readScopes(get("scope"))
  if (scopes === undefined) return failed("invalid_scope")
  if ((get("response_type") ?? "code") !== "code") return failed("unsupported_response_type")
  const challenge = get("code_challenge")
  const method = get("code_challenge_method")
  const isChallenge = challenge === undefined || /^[\w-]{43}$/.test(challenge)
  if (!isChallenge || (challenge !== undefined && method !== "S256")) return failed("invalid_request")
  return { kind: "asked", asked: { client, scopes, redirectUri, named: given !== undefined, state, challenge } }
}

/** Where the browser goes when this user says yes or no; undefined when there is no such user. */
export const decide = (
  world: World,
  asked: Asked,
  userId: string,
  allow: boolean,
  nowMs: number,
): string | undefined => {
  const { client, scopes, redirectUri, named, state, challenge } = asked
  if (!allow) return redirectTo(redirectUri, { error: "access_denied", state })
  if (accountOfUser(world.accounts, userId) === undefined) return undefined
  const code = issueCode(
    world.grants,
    {
      clientId: client.id,
      userId,
      scopes,
      redirectUri: named ? redirectUri : undefined,
      challenge,
    },
    world.switches,
    nowMs,
  )
  return redirectTo(redirectUri, { code, state })
}
