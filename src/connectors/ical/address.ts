/**
 * Which addresses are read: only of hosts the operator named, so that a user cannot make this service call others.
 *
 * What keeps a named host from being a private machine after all (a name that resolves to 10.0.0.1, now or between two
 * look-ups) is TLS: it has to answer with a certificate for that name. `fetch` cannot be told which of a name's
 * addresses to use, so resolving it here first would prove nothing about the connection made afterwards. Pure.
 */
export interface AddressRules {
  /** Names, in lower case; `*.example.org` is every name below it. */
  readonly hosts: ReadonlyArray<string>
  /** For tests and demos: http and https to 127.0.0.1, ::1 and localhost, on any port. */
  readonly allowLoopback?: boolean
}

export type ReadAddress =
  | { readonly _tag: "Address"; readonly url: URL }
  /** No address of a feed. */
  | { readonly _tag: "Malformed" }
  /** An address, but of a host the operator did not name. */
  | { readonly _tag: "HostNotAllowed" }

/** The longest in use (Outlook's) have some 250 characters. */
const addressMaxChars = 2_048

export const readAddress = (text: string, rules: AddressRules): ReadAddress => {
  const trimmed = text.trim()
  if (trimmed.length > addressMaxChars || !/^[\x21-\x7e]+$/.test(trimmed)) return { _tag: "Malformed" }
  // Calendars are often handed out with a scheme of their own, which only means "subscribe".
  const web = trimmed.replace(/^webcals?:\/\//i, "https://")
  if (!/^https?:\/\//i.test(web) || !URL.canParse(web)) return { _tag: "Malformed" }
  const url = new URL(web)
  url.hash = ""
  if (url.username !== "" || url.password !== "") return { _tag: "Malformed" }
  if (rules.allowLoopback === true && isLoopback(url.hostname)) return { _tag: "Address", url }
  if (url.protocol !== "https:") return { _tag: "Malformed" }
  // A port other than 443 (which `URL` leaves out) is another service on that host.
  return url.port === "" && isAllowed(url.hostname, rules.hosts) ? { _tag: "Address", url } : { _tag: "HostNotAllowed" }
}

/** `URL` has brought all spellings of an IPv4 address (0x7f.1) into the one with dots. */
const isLoopback = (host: string): boolean => host === "localhost" || host === "127.0.0.1" || host === "[::1]"

/** Never a bare address, whatever the list says, nor a name only this network knows. */
const isPublicName = (host: string): boolean =>
  /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(host) && !/\.(?:local|localhost|internal|home|lan|arpa)$/.test(host)

const isAllowed = (host: string, hosts: ReadonlyArray<string>): boolean =>
  isPublicName(host) && hosts.some((allowed) => {
    const name = allowed.trim().toLowerCase()
    return name.startsWith("*.") ? host.endsWith(name.slice(1)) && name.length > 2 : host === name
  })

/** Where a redirect leads, if it stays with the same host and scheme. Others would be shown the secret address. */
export const redirectTarget = (from: URL, location: string | undefined): URL | undefined => {
  if (location === undefined || !URL.canParse(location, from)) return undefined
  const to = new URL(location, from)
  to.hash = ""
  return to.origin === from.origin && to.username === "" && to.password === "" ? to : undefined
}
