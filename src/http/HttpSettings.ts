/** What the edge needs to know of the configuration; given by the composition root. */
import { Context } from "effect"
import type { Redacted } from "effect"

export class HttpSettings extends Context.Service<HttpSettings, {
  /** Sign-in of the demo user, and an open operator page when no `adminToken` is set. Loopback only. */
  readonly demo: boolean
  /** The address people use is https: cookies are sent over it only. */
  readonly secureCookies: boolean
  /** Host, and port unless it is the scheme's own, of the address people use; a proxy may send another `Host`. */
  readonly publicHost?: string | undefined
  readonly adminToken: Redacted.Redacted<string> | undefined
  readonly bodyMaxBytes: number
  readonly version: string
  readonly runtime: string
  readonly startedAtMs: number
  /** Where the simulated account can be looked at; undefined without a simulator. */
  readonly simulator: { readonly url: string; readonly token: string } | undefined
}>()("tipstream/http/HttpSettings") {}
