/** Whose call it is: a personal token, or one that came by OAuth with its scopes. */
import type { Account } from "./account.ts"
import { accountOfToken, accountOfUser } from "./accounts.ts"
import { type Family, familyOfAccess } from "./oauth/grants.ts"
import type { Scope } from "./oauth/scopes.ts"
import type { World } from "./world.ts"

export type Caller = {
  readonly token: string
  readonly account: Account
  /** Null for a personal token, which may do everything. */
  readonly scopes: ReadonlyArray<Scope> | null
  readonly family: Family | null
}

/** Undefined without a living token. */
export const callerOf = (world: World, authorization: string | undefined, nowMs: number): Caller | undefined => {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1]
  if (token === undefined || world.deadTokens.has(token)) return undefined
  const family = familyOfAccess(world.grants, token, nowMs)
  if (family !== undefined) {
    const account = accountOfUser(world.accounts, family.userId)
    return account && { token, account, scopes: family.scopes, family }
  }
  const account = accountOfToken(world.accounts, token)
  return account && { token, account, scopes: null, family: null }
}
