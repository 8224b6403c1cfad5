/** What the controls under `/_sim/` share. */
import type { Account } from "../account.ts"
import { accountOfToken, accountOfUser } from "../accounts.ts"
import type { HttpRequest } from "../api.ts"
import { json, type Reply } from "../reply.ts"
import type { World } from "../world.ts"

export type SimCall = { readonly world: World; readonly request: HttpRequest }
export type SimRoute = (call: SimCall) => Reply
export type SimRoutes = ReadonlyArray<readonly [methodAndPath: string, route: SimRoute]>

export const refused = (status: number, error: string): Reply => json(status, { error })

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** The account named by `token` or `userId` in the query or body; without either the demo account. */
export const accountNamed = ({ world, request: { url, fields } }: SimCall): Account | undefined => {
  const token = url.searchParams.get("token") ?? text(fields["token"])
  const userId = url.searchParams.get("userId") ?? text(fields["userId"])
  if (userId !== undefined) return accountOfUser(world.accounts, userId)
  return accountOfToken(world.accounts, token ?? world.demoToken)
}

export const withAccount = (then: (account: Account, call: SimCall) => Reply): SimRoute => (call) => {
  const account = accountNamed(call)
  return account === undefined ? refused(404, "no account has this token or user id") : then(account, call)
}

/** The first key that is not one of these. */
export const unknownKey = (fields: object, known: ReadonlyArray<string>): string | undefined => {
  const key = Object.keys(fields).find((one) => !known.includes(one))
  return key === undefined ? undefined : `unknown key ${key}; known: ${known.join(", ")}`
}
