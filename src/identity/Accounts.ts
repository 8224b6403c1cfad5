/** Who the users are. A user is known by (issuer, subject); our own id is random, so that a leftover names nobody. */
import { Context } from "effect"
import type { Effect } from "effect"
import type { Owner, TenantId } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

export interface NewAccount {
  readonly tenantId: TenantId
  /** Who vouches for the subject: `demo` today, an OpenID issuer later. */
  readonly issuer: string
  readonly subject: string
  readonly displayName: string
  readonly timeZone: string
}

export interface Profile {
  readonly owner: Owner
  readonly displayName: string
  readonly timeZone: string
}

export class Accounts extends Context.Service<Accounts, {
  /** The account of (issuer, subject), made on first sight together with its event. */
  readonly open: (account: NewAccount) => Effect.Effect<Owner, StoreUnavailable>
  readonly profile: (owner: Owner) => Effect.Effect<Profile | undefined, StoreUnavailable>
}>()("tipstream/identity/Accounts") {}
