/**
 * What came back instead of a feed, as what the caller does about it. Pure.
 */
import { ProviderRefused, ProviderUnavailable, RateLimited, TokenRejected } from "../Connector.ts"
import type { ConnectorError } from "../Connector.ts"

const provider = "ical"

export interface Reply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly bytes: Uint8Array
}

export const unavailable = (
  reason: ProviderUnavailable["reason"],
  status: number | null = null,
  retryAfterMs: number | null = null,
): ProviderUnavailable => new ProviderUnavailable({ provider, reason, status, retryAfterMs })

export const refused = (status: number, tag: string | null): ProviderRefused =>
  new ProviderRefused({ provider, status, tag })

/**
 * Undefined for a reply that may be a feed, or says that it did not change.
 *
 * An address that is gone (410) is one user's, unlike a version of an API: it never becomes `ProviderGone`.
 */
export const problemOf = (reply: Reply): ConnectorError | undefined => {
  const { headers, status } = reply
  if (status === 304) return undefined
  if (status === 401 || status === 403 || status === 404 || status === 410) {
    return new TokenRejected({ provider, status })
  }
  if (status === 429) return new RateLimited({ provider, retryAfterMs: retryAfterMs(headers) })
  if (status >= 500) {
    return unavailable(isHtml(reply) ? "html" : "server-error", status, status === 503 ? retryAfterMs(headers) : null)
  }
  if (status === 408) return unavailable("timeout", status)
  if (status >= 400) return refused(status, null)
  if (status >= 300) return refused(status, "redirect")
  return isHtml(reply) ? unavailable("html", status) : undefined
}

/** Hosts answer a feed that needs a sign-in with the page for it, and status 200. */
const isHtml = ({ bytes, headers }: Reply): boolean =>
  /\bhtml\b/i.test(headers["content-type"] ?? "") ||
  new TextDecoder().decode(bytes.subarray(0, 64)).trimStart().startsWith("<")

/** Asked for less than the first is a tight loop, for more than the second a user forgotten. */
const retryAfterMinMs = 1_000
const retryAfterMaxMs = 3_600_000

/** RFC 9110 section 10.2.3: seconds, or a date, which the server's own clock makes a time to wait. */
const retryAfterMs = (headers: Reply["headers"]): number | null => {
  const header = headers["retry-after"]?.trim() ?? ""
  const asked = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.parse(headers["date"] ?? "")
  return Number.isNaN(asked) ? null : Math.round(Math.min(Math.max(asked, retryAfterMinMs), retryAfterMaxMs))
}
