/** The actor that the engines are measured with, and the handler the bare one has: it counts. */
import { Effect, Schema } from "effect"
import type { EngineOptions } from "../../src/actors/ActorSystem.ts"

export const Message = Schema.Struct({ n: Schema.Int })
export type Message = typeof Message.Type
export const Reply = Schema.Struct({ handled: Schema.Int })
export type Reply = typeof Reply.Type

/** Longer than making and asking so many takes, also on a busy machine; shorter than anybody likes to wait. */
export const idleMsOf = (actors: number): number => 3_000 + actors * 0.12

/** Keeps something between messages, as small as can be, so that what is measured is the engine's. */
export const optionsOf = (actors: number): EngineOptions<Message, Reply, never, never> => ({
  name: "Probe",
  behaviour: () =>
    Effect.sync(() => {
      const state = { handled: 0 }
      return () =>
        Effect.sync(() => {
          state.handled += 1
          return { handled: state.handled }
        })
    }),
  mailboxCapacity: 16,
  idleMs: idleMsOf(actors),
  askTimeoutMs: 30_000,
  actorsMax: 1_000_000,
  restart: { baseMs: 100, capMs: 5_000, restartsMax: 5, coolDownMs: 60_000 },
})
