/** An app registered with the simulator, and a user's consent to it without a browser. */
import { randomUUID } from "node:crypto"
import type { SimulatorProcess } from "./simulatorProcess.ts"

export interface OAuthApp {
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUri: string
}

interface AppOptions {
  readonly refreshEnabled?: boolean
  readonly suspended?: boolean
  readonly redirectUris?: ReadonlyArray<string>
  readonly webhookUrl?: string
  readonly events?: ReadonlyArray<string>
}

export const registerApp = async (simulator: SimulatorProcess, options: AppOptions = {}): Promise<OAuthApp> => {
  const { redirectUris = ["http://127.0.0.1:1/callback"] } = options
  const [id, secret] = [randomUUID(), randomUUID()]
  await simulator.control("POST", "/_sim/clients", { ...options, redirectUris, id, secret })
  return { clientId: id, clientSecret: secret, redirectUri: redirectUris[0]! }
}

interface Consent {
  /** The personal token of the account that consents. */
  readonly token: string
  readonly scope?: string
  readonly state?: string
  readonly redirectUri?: string
  readonly codeChallenge?: string
  readonly deny?: boolean
}

/** Where the browser would be sent. */
export const consent = async (
  simulator: SimulatorProcess,
  { clientId }: OAuthApp,
  { scope = "data:read_write", ...rest }: Consent,
): Promise<URL> => {
  const asked = { clientId, scope, ...rest }
  return new URL((await simulator.control<{ redirect: string }>("POST", "/_sim/oauth/approve", asked)).redirect)
}

export const codeOf = async (simulator: SimulatorProcess, app: OAuthApp, asked: Consent): Promise<string> =>
  (await consent(simulator, app, asked)).searchParams.get("code") ?? "none"
