/** Whether the database answers: asked by itself, because the event log may stand elsewhere. */
import { Context } from "effect"
import type { Effect } from "effect"

export class DatabaseProbe extends Context.Service<DatabaseProbe, {
  /** False when it fails, or takes longer than a probe has time. */
  readonly answers: Effect.Effect<boolean>
}>()("tipstream/http/DatabaseProbe") {}
