/**
 * Accounts for load tests, made from (seed, index) when first touched. One that was never changed can be made again at
 * any time, so only those in recent use are in memory; changed ones stay.
 */
import type { Account } from "./account.ts"
import { remember } from "./account.ts"
import { seedSmall } from "./seedSmall.ts"

export type Pool = {
  /** Position among the pools; part of each user id. */
  readonly number: number
  readonly seed: string
  readonly tokenPrefix: string
  readonly count: number
  readonly itemsPerAccount: number
  readonly timeZone: string
  readonly createdAtMs: number
  readonly pristine: Map<string, Account>
  readonly changed: Map<string, Account>
}

export const poolsMax = 90
export const poolAccountsMax = 1_000_000
/** About 40 MB of accounts with ten tasks each. */
const pristineMax = 5_000

const indexDigits = 7

/** Ten digits; accounts outside pools have twelve. */
const userIdOf = (pool: Pool, index: number): string =>
  `${10 + pool.number}${String(index).padStart(indexDigits + 1, "0")}`

const at = (pool: Pool, index: number): Account | undefined => {
  if (!Number.isInteger(index) || index < 0 || index >= pool.count) return undefined
  const userId = userIdOf(pool, index)
  const changed = pool.changed.get(userId)
  if (changed !== undefined) return changed
  const known = pool.pristine.get(userId)
  if (known === undefined) {
    const made = seedSmall(pool, userId)
    remember(pool.pristine, userId, made, pristineMax)
    return made
  }
  return known
}

/** To be called once an account was changed, lest it be forgotten. */
export const keepChanged = (pools: ReadonlyArray<Pool>, account: Account): void => {
  for (const pool of pools) {
    if (pool.pristine.delete(account.userId)) pool.changed.set(account.userId, account)
  }
}

export const inPoolByToken = (pools: ReadonlyArray<Pool>, token: string): Account | undefined => {
  for (const pool of pools) {
    const rest = token.startsWith(pool.tokenPrefix) ? token.slice(pool.tokenPrefix.length) : ""
    if (/^(0|[1-9]\d{0,6})$/.test(rest)) return at(pool, Number(rest))
  }
  return undefined
}

export const inPoolByUser = (pools: ReadonlyArray<Pool>, userId: string): Account | undefined => {
  const pool = userId.length === indexDigits + 3 ? pools[Number(userId.slice(0, 2)) - 10] : undefined
  return pool === undefined ? undefined : at(pool, Number(userId.slice(2)))
}

export const poolUser = (pool: Pool, index: number) => ({
  token: `${pool.tokenPrefix}${index}`,
  userId: userIdOf(pool, index),
})
