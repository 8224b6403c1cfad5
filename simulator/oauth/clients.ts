/** OAuth clients: the apps that were registered in Todoist's app console, here declared under `/_sim/clients`. */
export type OAuthClient = {
  readonly id: string
  readonly secret: string
  /** Exact URIs; `loopback` stands for any http URI on this machine. */
  readonly redirectUris: ReadonlyArray<string>
  /** Issues a rotating pair instead of one long-lived token. */
  readonly refreshEnabled: boolean
  /** A suspended app, or one at its token cap: `invalid_application_status`. */
  readonly suspended: boolean
  readonly webhookUrl: string | null
  /** Event names; empty means all. */
  readonly events: ReadonlyArray<string>
}

export const clientsMax = 100
const listMax = 50

const isLoopback = (url: URL): boolean =>
  url.protocol === "http:" && /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname)

/** Webhooks go to this machine or by https, so that the simulator cannot be made to call into a network by http. */
const isWebhookUrl = (text: string): boolean => {
  const url = URL.parse(text)
  return url !== null && (url.protocol === "https:" || isLoopback(url))
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "" && value.length <= 2_000

const areTexts = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.length <= listMax && value.every(isText)

const checks: Readonly<Record<keyof OAuthClient, readonly [holds: (value: unknown) => boolean, expected: string]>> = {
  id: [isText, "a text"],
  secret: [isText, "a text"],
  redirectUris: [areTexts, `up to ${listMax} URIs, or "loopback" for any http URI on this machine`],
  refreshEnabled: [(value) => typeof value === "boolean", "true or false"],
  suspended: [(value) => typeof value === "boolean", "true or false"],
  webhookUrl: [(value) => value === null || (isText(value) && isWebhookUrl(value)), "null, or a loopback or https URL"],
  events: [areTexts, "event names, none for all"],
}

/** The client, built on `known` when one of this id exists; a text says what is wrong. */
export const readClient = (
  fields: Readonly<Record<string, unknown>>,
  known: (id: string) => OAuthClient | undefined,
  newSecret: () => string,
): OAuthClient | string => {
  for (const [key, value] of Object.entries(fields)) {
    const check = Object.hasOwn(checks, key) ? checks[key as keyof OAuthClient] : undefined
    if (check === undefined) return `unknown key ${key}; known: ${Object.keys(checks).join(", ")}`
    if (!check[0](value)) return `${key} must be ${check[1]}`
  }
  const id = fields["id"]
  if (!isText(id)) return "id is missing"
  const before = known(id) ?? {
    id,
    secret: newSecret(),
    redirectUris: ["loopback"],
    refreshEnabled: true,
    suspended: false,
    webhookUrl: null,
    events: [],
  }
  return { ...before, ...fields }
}

/**
 * The redirect URI of a request: the one it names if that is configured, or the only configured one. Undefined means
 * that nobody may be redirected.
 */
export const redirectUriOf = (client: OAuthClient, given: string | undefined): string | undefined => {
  if (given === undefined) {
    const [only, ...more] = client.redirectUris
    return only === "loopback" || more.length > 0 ? undefined : only
  }
  if (client.redirectUris.includes(given) && given !== "loopback") return given
  const url = URL.parse(given)
  return url !== null && client.redirectUris.includes("loopback") && isLoopback(url) ? given : undefined
}
