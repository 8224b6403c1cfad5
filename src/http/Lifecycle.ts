/** Whether the service is on its way up, up, or on its way down: what `/ready` answers, before anything else. */
import { Context, Effect, Layer, Ref } from "effect"

export type Phase = "starting" | "running" | "draining"

export class Lifecycle extends Context.Service<Lifecycle, {
  readonly phase: Effect.Effect<Phase>
  readonly enter: (phase: Phase) => Effect.Effect<void>
}>()("tipstream/http/Lifecycle") {}

export const layer = Layer.effect(
  Lifecycle,
  Effect.map(
    Ref.make<Phase>("starting"),
    (ref) => Lifecycle.of({ phase: Ref.get(ref), enter: (phase) => Ref.set(ref, phase) }),
  ),
)
