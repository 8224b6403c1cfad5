/** The consumers of every replica of the fault suite. */
import { chaosConsumers } from "./replica/contract.ts"

export const durables: ReadonlyArray<string> = chaosConsumers(1).map(({ durable }) => durable)
