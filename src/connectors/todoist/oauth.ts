/**
 * How a user lets us into their Todoist, and how we leave: OAuth 2 with PKCE, or a personal token.
 *
 * Secrets travel in bodies and in `Authorization`; the older way to revoke, which has them in the address, is not used.
 *
 * @see RFC 6749, 7636 (PKCE), 7009 (revocation)
 */
import { Clock, Effect, Redacted } from "effect"
import { newUuid } from "../../../schemas/uuid.ts"
import { type ConnectorError, type ConnectorShape, GrantUnsupported, TokenRejected } from "../Connector.ts"
import type { OAuthBegin, OAuthFinish } from "../Connector.ts"
import type { Credential } from "../Credential.ts"
import type { HostCircuit } from "../HostCircuit.ts"
import { isSuccess, provider, refusalOf } from "./refusal.ts"
import { type Form, type Send, sendableToken } from "./todoistHttp.ts"
import { tokenReply, type Tokens } from "./tokenReply.ts"

/** The app the operator registered with Todoist. The secret signs its webhooks, too. */
export interface App {
  readonly id: string
  readonly secret: Redacted.Redacted<string>
}

export interface OAuthPlaces {
  readonly authorizeUrl: string
  readonly tokenUrl: string
  readonly revokeUrl: string
}

type Grants = Pick<ConnectorShape, "beginOAuth" | "finishOAuth" | "fromToken" | "refresh" | "revoke">

/** What acting needs. */
export const actScope = "data:read_write"

const unsupported = (detail: string) => Effect.fail(new GrantUnsupported({ provider, detail }))

const noApp = unsupported("the operator has not registered an app with Todoist")

export const oauth = (app: App | undefined, places: OAuthPlaces, send: Send, circuit: HostCircuit): Grants => {
  const trade = (app: App, grant: Form): Effect.Effect<Tokens, ConnectorError> => {
    const form = { client_id: app.id, client_secret: Redacted.value(app.secret), ...grant }
    return circuit.guard(Effect.flatMap(
      send({ url: places.tokenUrl, form }),
      (raw) => Effect.flatMap(Clock.currentTimeMillis, (nowMs) => Effect.fromResult(tokenReply(raw, nowMs))),
    ))
  }

  const takeBack = (app: App, token: Redacted.Redacted<string>, hint: "access_token" | "refresh_token") =>
    circuit.guard(Effect.flatMap(
      send({
        url: places.revokeUrl,
        form: { token: Redacted.value(token), token_type_hint: hint },
        basic: { user: app.id, password: app.secret },
      }),
      // A token that is dead, or none of this app's, is what was wanted.
      (raw) => isSuccess(raw) || raw.status === 400 || raw.status === 401 ? Effect.void : Effect.fail(refusalOf(raw)),
    ))

  return {
    beginOAuth: (request) => app === undefined ? noApp : Effect.succeed(authorization(app, places, request)),

    finishOAuth: Effect.fn("Connector.finishOAuth")(function* (request: OAuthFinish) {
      const { redirectUri, code, codeVerifier, mayAct } = request
      if (app === undefined) return yield* noApp
      const tokens = yield* trade(app, {
        grant_type: "authorization_code",
        code: Redacted.value(code),
        redirect_uri: redirectUri,
        code_verifier: Redacted.value(codeVerifier),
      })
      const asAsked = mayAct === undefined ? null : [scopeFor(mayAct)]
      return yield* credentialOf({ ...tokens, scopes: tokens.scopes ?? asAsked })
    }),

    fromToken: (token) => {
      // Copied from a page, it often brings white space along.
      const accessToken = Redacted.value(token).trim()
      return sendableToken.test(accessToken)
        ? credentialOf({ accessToken: Redacted.make(accessToken), refreshToken: null, expiresAtMs: null, scopes: null })
        : Effect.fail(new TokenRejected({ provider, status: null }))
    },

    refresh: Effect.fn("Connector.refresh")(function* (credential: Credential) {
      if (app === undefined) return yield* noApp
      const { refreshToken, scopes, familyId } = credential
      if (refreshToken === null) return yield* unsupported("this token cannot be refreshed")
      const tokens = yield* trade(app, { grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) })
      return {
        ...tokens,
        // Left out, both are as before (RFC 6749 sections 5.1 and 6).
        refreshToken: tokens.refreshToken ?? refreshToken,
        scopes: tokens.scopes ?? scopes,
        familyId,
        issuedAtMs: yield* Clock.currentTimeMillis,
      }
    }),

    revoke: Effect.fn("Connector.revoke")(function* ({ accessToken, refreshToken, scopes }: Credential) {
      // Without an app there is nobody Todoist would take a token back for, and a personal one its user has to change.
      if (app === undefined || (refreshToken === null && scopes === null)) return "none" as const
      // First, so that no new access token can come of it meanwhile.
      if (refreshToken !== null) yield* takeBack(app, refreshToken, "refresh_token")
      yield* takeBack(app, accessToken, "access_token")
    }),
  }
}

/** The second includes what the first allows; it is asked for only when the user turns acting on. */
const scopeFor = (mayAct: boolean) => mayAct ? actScope : "data:read"

const authorization = (app: App, places: OAuthPlaces, { redirectUri, state, codeChallenge, mayAct }: OAuthBegin) => {
  const url = new URL(places.authorizeUrl)
  const parameters = {
    client_id: app.id,
    scope: scopeFor(mayAct),
    state,
    redirect_uri: redirectUri,
    code_challenge: codeChallenge,
    code_challenge_method: "S256",
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url
}

const credentialOf = Effect.fnUntraced(function* (tokens: Tokens) {
  return { ...tokens, familyId: yield* newUuid, issuedAtMs: yield* Clock.currentTimeMillis } satisfies Credential
})
