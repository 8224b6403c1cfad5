/** Which events were made to die, of those that were committed. */
import { kindOf } from "./events.ts"
import type { Kind } from "./events.ts"
import type { Production } from "./producers.ts"

const idsOf = (productions: ReadonlyArray<Production>, kind: Kind): ReadonlyArray<string> =>
  productions.flatMap(({ committed }) => committed.map(({ eventId }) => eventId)).filter((id) => kindOf(id) === kind)

export const poisonOf = (productions: ReadonlyArray<Production>) => idsOf(productions, "poison")

/** These end the process only in the durable that goes by user: one process, two durables, both would be a race. */
export const deadlyOf = (productions: ReadonlyArray<Production>) => idsOf(productions, "crash")
