/**
 * `NATS_URL` taken apart: the client takes no user, password or token from an address, and every message of ours names
 * servers without them.
 */
export interface NatsAddress {
  /** `host:port`, as they may be shown. */
  readonly servers: ReadonlyArray<string>
  readonly user: string | undefined
  readonly password: string | undefined
  readonly token: string | undefined
  readonly isEncrypted: boolean
}

const portDefault = "4222"

/**
 * `nats://host:4222`, `nats://user:password@host`, `nats://token@host` or `tls://…`, several separated by commas. All
 * servers of a cluster know the same users, so the first that names one speaks for all. Throws on what is no address.
 */
export const parseNatsUrl = (text: string): NatsAddress => {
  const urls = text.split(",").map((one) => new URL(one.trim()))
  const named = urls.find(({ username }) => username !== "")
  const name = named === undefined ? undefined : decodeURIComponent(named.username)
  const isToken = named?.password === ""
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === "" ? portDefault : port}`),
    user: isToken ? undefined : name,
    password: named === undefined || isToken ? undefined : decodeURIComponent(named.password),
    token: isToken ? name : undefined,
    isEncrypted: urls.some(({ protocol }) => protocol === "tls:"),
  }
}
