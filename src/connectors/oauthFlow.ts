/**
 * The secrets of one way to a tool by OAuth 2 (RFC 6749 with PKCE, RFC 7636, S256). Pure.
 *
 * The state is 256 random bits, in the browser's address and nowhere else. The verifier is derived from it and the
 * session, so it is kept nowhere, and a code that another browser brings can be exchanged by nobody.
 */
import { createHash } from "node:crypto"

/** What the user wished when they left. It travels in the state, whose digest nobody can match with another wish. */
export interface OAuthWish {
  /** Also to act on the user's behalf. */
  readonly mayAct: boolean
  /** Another account may take the place of the connected one. */
  readonly replaces: boolean
}

/** `random` is 32 bytes from a good source. */
export const stateOf = (random: Uint8Array, { mayAct, replaces }: OAuthWish): string => {
  const marks = `${mayAct ? "a" : ""}${replaces ? "r" : ""}`
  return base64Url(random) + (marks === "" ? "" : `.${marks}`)
}

export const isState = (text: string): boolean => /^[A-Za-z0-9_-]{43}(\.(a|r|ar))?$/.test(text)

export const wishOf = (state: string): OAuthWish => {
  const [, marks = ""] = state.split(".")
  return { mayAct: marks.includes("a"), replaces: marks.includes("r") }
}

export const sha256 = (text: string): Uint8Array => new Uint8Array(createHash("sha256").update(text).digest())

/** 43 characters, as RFC 7636 wants at least. */
export const verifierOf = (sessionToken: string, state: string): string =>
  base64Url(sha256(`pkce${sessionToken}${state}`))

/** What of the verifier is sent ahead. */
export const challengeOf = (verifier: string): string => base64Url(sha256(verifier))

const base64Url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url")
