/**
 * To a tool and back by OAuth. What leaves is a state and a challenge; what comes back counts once, in the session that
 * left, under the path of the tool that was asked (each has its own, so that one cannot speak for another).
 */
import { Clock, Effect, Fiber, Redacted, Schema } from "effect"
import { HttpServerRequest } from "effect/http"
import type { Owner } from "../../schemas/ids.ts"
import { Provider } from "../../schemas/Task.ts"
import { GrantUnsupported } from "../connectors/Connector.ts"
import type { ConnectorShape } from "../connectors/Connector.ts"
import type { Credential } from "../connectors/Credential.ts"
import { attemptMs, OAuthAttempts } from "../connectors/OAuthAttempts.ts"
import { challengeOf, isState, sha256, stateOf, verifierOf, wishOf } from "../connectors/oauthFlow.ts"
import type { OAuthWish } from "../connectors/oauthFlow.ts"
import { isLoopbackHost, sessionToken } from "./authentication.ts"
import { connectCredential, connectorOf } from "./connecting.ts"
import { HttpSettings } from "./HttpSettings.ts"

/** Came back with a state that is not ours to take: used, old, another session's, invented. Nothing was exchanged. */
export class AttemptUnknown extends Schema.TaggedError<AttemptUnknown>()("AttemptUnknown", { provider: Provider }) {
  override get message() {
    return `nobody is on the way to ${this.provider} under this state`
  }
}

/** The user said no. */
export class AccessDenied extends Schema.TaggedError<AccessDenied>()("AccessDenied", { provider: Provider }) {
  override get message() {
    return `the user did not let us into ${this.provider}`
  }
}

/** The tool refused before it asked the user, or the code afterwards. */
export class AuthorizeRefused extends Schema.TaggedError<AuthorizeRefused>()("AuthorizeRefused", {
  provider: Provider,
  reason: Schema.Literals(["invalid_scope", "invalid_application_status", "unknown"]),
}) {
  override get message() {
    return `${this.provider} refused to authorize: ${this.reason}`
  }
}

/** The address to send the browser to. */
export const beginOAuth = Effect.fnUntraced(function* (owner: Owner, provider: Provider, wish: OAuthWish) {
  const connector = yield* connectorOf(provider)
  const session = Redacted.value(yield* sessionToken)
  const redirectUri = `${yield* originFor(provider)}/oauth/${provider}/callback`
  const state = stateOf(crypto.getRandomValues(new Uint8Array(32)), wish)
  const codeChallenge = challengeOf(verifierOf(session, state))
  const address = yield* connector.beginOAuth({ redirectUri, state, codeChallenge, mayAct: wish.mayAct })
  const nowMs = yield* Clock.currentTimeMillis
  const attempt = { owner, provider, redirectUri, expiresAtMs: nowMs + attemptMs }
  yield* (yield* OAuthAttempts).begin(keyOf(session, state), attempt, nowMs)
  return address
})

/** As the tool has it on its list: PUBLIC_URL, or on the own machine whatever address was typed. */
const originFor = Effect.fnUntraced(function* (provider: Provider) {
  const { publicHost, secureCookies } = yield* HttpSettings
  if (publicHost !== undefined) return `${secureCookies ? "https" : "http"}://${publicHost}`
  const host = (yield* HttpServerRequest.HttpServerRequest).headers["host"]
  // A name that somebody else chose would send the code to them.
  if (!isLoopbackHost(host)) {
    return yield* new GrantUnsupported({ provider, detail: "set PUBLIC_URL to connect by OAuth from elsewhere" })
  }
  return `http://${host}`
})

const keyOf = (session: string, state: string) => ({ stateHash: sha256(state), sessionHash: sha256(session) })

/** What the tool put into the address. */
export interface OAuthReturn {
  readonly state: string | undefined
  readonly code: string | undefined
  readonly error: string | undefined
}

/** Todoist's have 40 characters; others put a signed document there. */
const codeMaxChars = 2_048

export const finishOAuth = Effect.fnUntraced(function* (owner: Owner, provider: Provider, back: OAuthReturn) {
  const connector = yield* connectorOf(provider)
  const session = Redacted.value(yield* sessionToken)
  const state = back.state ?? ""
  const stranger = new AttemptUnknown({ provider })
  if (!isState(state)) return yield* stranger
  const attempt = yield* (yield* OAuthAttempts).take(keyOf(session, state), yield* Clock.currentTimeMillis)
  if (attempt === undefined || attempt.provider !== provider) return yield* stranger
  if (attempt.owner.tenantId !== owner.tenantId || attempt.owner.userId !== owner.userId) return yield* stranger
  if (back.error !== undefined) return yield* refusalOf(provider, back.error)
  if (back.code === undefined || back.code === "" || back.code.length > codeMaxChars) return yield* stranger
  const code = Redacted.make(back.code, { label: "authorization code" })
  const codeVerifier = Redacted.make(verifierOf(session, state), { label: "code verifier" })
  const { mayAct, replaces } = wishOf(state)
  const exchange = connector.finishOAuth({ redirectUri: attempt.redirectUri, code, codeVerifier, mayAct }).pipe(
    Effect.flatMap((credential) => keep(owner, connector, credential, replaces)),
    // Said of a code, or of what was just given for it: the user has pasted nothing.
    Effect.catchTag(
      ["TokenRejected", "ProviderRefused", "ConnectionRejected"],
      () => Effect.fail(new AuthorizeRefused({ provider, reason: "unknown" })),
    ),
  )
  // A code works once: a browser that goes away, or asks again, must not stop what it began.
  return yield* Effect.flatMap(Effect.forkDetach(exchange), Fiber.join)
})

const refusalOf = (provider: Provider, error: string) => {
  if (error === "access_denied") return new AccessDenied({ provider })
  const isKnown = error === "invalid_scope" || error === "invalid_application_status"
  return new AuthorizeRefused({ provider, reason: isKnown ? error : "unknown" })
}

/** Somebody waits for the page. */
const revokeWithinMs = 3_000

/** A credential that is not kept is taken back: tools count the living ones, and stop at some number. */
const keep = (owner: Owner, connector: ConnectorShape, credential: Credential, replaces: boolean) =>
  Effect.tapError(
    connectCredential(owner, connector.provider, credential, replaces),
    ({ _tag }) =>
      _tag === "DifferentAccount"
        ? Effect.ignore(Effect.timeout(connector.revoke(credential), revokeWithinMs))
        : Effect.void,
  )
