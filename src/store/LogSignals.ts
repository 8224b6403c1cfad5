/** What an outbox tells the log of the same process, so that nobody waits for the next poll. */
import { Context, Layer } from "effect"
import * as Wakeup from "../streams/Wakeup.ts"

export class LogSignals extends Context.Service<LogSignals, {
  /** Events were committed to the outbox. */
  readonly appended: Wakeup.Wakeup
}>()("tipstream/store/LogSignals") {}

export const layer = Layer.sync(LogSignals, () => ({ appended: Wakeup.make() }))
