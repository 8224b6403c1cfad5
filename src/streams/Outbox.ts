/**
 * Events on their way to the log. `append` joins the transaction it is called in: the event is on the log if and only
 * if the state beside it is committed. Nothing else puts events on the log.
 */
import { Context } from "effect"
import type { Effect } from "effect"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"

export class Outbox extends Context.Service<Outbox, {
  /** Appending an id that is already there is a no-op: what was observed twice happened once. */
  readonly append: (events: ReadonlyArray<Envelope>) => Effect.Effect<void, StoreUnavailable>
}>()("tipstream/streams/Outbox") {}
