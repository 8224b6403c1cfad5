/** What running a command depends on beside the account: the switches, and who wants to know what happened. */
import type { Account } from "./account.ts"
import type { AccountEvent } from "./accountEvent.ts"
import { defaultSwitches, type Switches } from "./switches.ts"

export type CommandEnv = {
  readonly switches: Switches
  readonly observe: (account: Account, events: ReadonlyArray<AccountEvent>) => void
  /** Who acts; absent for the account's own user. */
  readonly initiatorId?: string
}

export const quietEnv: CommandEnv = { switches: defaultSwitches(), observe: () => {} }
