/** All accounts of a simulator, by personal token and by user id: those kept whole, and the pools of load tests. */
import type { Account } from "./account.ts"
import { inPoolByToken, inPoolByUser, type Pool } from "./pool.ts"

export type Accounts = {
  readonly byToken: Map<string, Account>
  readonly byUser: Map<string, Account>
  readonly pools: Array<Pool>
}

export const newAccounts = (known: ReadonlyMap<string, Account> = new Map()): Accounts => {
  const accounts: Accounts = { byToken: new Map(), byUser: new Map(), pools: [] }
  for (const [token, account] of known) addAccount(accounts, token, account)
  return accounts
}

export const addAccount = (accounts: Accounts, token: string, account: Account): void => {
  accounts.byToken.set(token, account)
  accounts.byUser.set(account.userId, account)
}

export const accountOfToken = (accounts: Accounts, token: string): Account | undefined =>
  accounts.byToken.get(token) ?? inPoolByToken(accounts.pools, token)

export const accountOfUser = (accounts: Accounts, userId: string): Account | undefined =>
  accounts.byUser.get(userId) ?? inPoolByUser(accounts.pools, userId)
