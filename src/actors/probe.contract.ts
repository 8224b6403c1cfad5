/**
 * The actor that engines are tested with. Messages and replies are plain data, so that an engine which encodes
 * them can run the same suite; the world behind the actors stays in the test's hands. Below it, what every test
 * of an engine needs.
 */
import { Cause, Effect, Exit, Fiber, Latch, Option, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { ActorSnapshot, ActorSystem, EngineOptions } from "./ActorSystem.ts"

export const Probe = Schema.Struct({
  do: Schema.Literals(["note", "refuse", "crash", "interrupt", "hold"]),
  n: Schema.Int,
})
export type Probe = typeof Probe.Type

/** Which life of the actor answered, and how many messages that life had handled. */
export const Noted = Schema.Struct({ n: Schema.Int, life: Schema.Int, handled: Schema.Int })
export type Noted = typeof Noted.Type

export class Refused extends Schema.TaggedError<Refused>()("Refused", { n: Schema.Int }) {}

export type ProbeOptions = EngineOptions<Probe, Noted, Refused, never>

export const note = (n: number): Probe => ({ do: "note", n })
export const refuse = (n: number): Probe => ({ do: "refuse", n })
export const crash = (n: number): Probe => ({ do: "crash", n })
export const interrupt = (n: number): Probe => ({ do: "interrupt", n })
/** Is handled until the test opens `gate`. */
export const hold = (n: number): Probe => ({ do: "hold", n })

const makeWorld = () => {
  const gate = Latch.makeUnsafe()
  /** Held shut by a test that wants finalizers to take long. */
  const exits = Latch.makeUnsafe(true)
  const world = {
    gate,
    exits,
    /** Opens when a `hold` is being handled. */
    holding: Latch.makeUnsafe(),
    /** How often each id was loaded. */
    lives: new Map<string, number>(),
    /** Ids loaded now. */
    loaded: new Set<string>(),
    /** Ids that were loaded while already loaded. */
    overlaps: [] as Array<string>,
    /** Begun, in order. */
    handled: [] as Array<string>,
    /** Trace of the span around each handler, by message number. */
    traces: new Map<number, string>(),
    /** How the next loads of an id end; the default is well. */
    loads: new Map<string, Array<"refuse" | "crash">>(),
  }

  const behaviour: ProbeOptions["behaviour"] = Effect.fnUntraced(function* (id) {
    const life = (world.lives.get(id) ?? 0) + 1
    world.lives.set(id, life)
    if (world.loaded.has(id)) world.overlaps.push(id)
    world.loaded.add(id)
    yield* Effect.addFinalizer(() =>
      exits.await.pipe(Effect.andThen(Effect.yieldNow), Effect.andThen(Effect.sync(() => world.loaded.delete(id))))
    )
    const fate = world.loads.get(id)?.shift()
    if (fate === "refuse") return yield* new Refused({ n: 0 })
    if (fate === "crash") return yield* Effect.die(new Error("load crashed"))
    let handled = 0

    return Effect.fnUntraced(function* (message) {
      handled += 1
      world.handled.push(`${id}:${message.n}`)
      const span = yield* Effect.option(Effect.currentParentSpan)
      if (Option.isSome(span)) world.traces.set(message.n, span.value.traceId)
      if (message.do === "refuse") return yield* new Refused({ n: message.n })
      if (message.do === "crash") return yield* Effect.die(new Error(`crashed on ${message.n}`))
      if (message.do === "interrupt") return yield* Effect.interrupt
      if (message.do === "hold") {
        world.holding.openUnsafe()
        yield* gate.await
      } else yield* Effect.yieldNow
      return { n: message.n, life, handled }
    })
  })
  return { ...world, behaviour }
}

export type System = ActorSystem<Probe, Noted, Refused>
export type MakeEngine = (options: ProbeOptions) => Effect.Effect<System, never, Scope.Scope>
export type Settings = Omit<ProbeOptions, "name" | "behaviour">

export const defaults: Settings = {
  mailboxCapacity: 4,
  idleMs: 60_000,
  askTimeoutMs: 30_000,
  actorsMax: 100,
  restart: { baseMs: 100, capMs: 1_000, restartsMax: 3, coolDownMs: 300_000 },
}

export const starter = (make: MakeEngine) => (settings: Partial<Settings> = {}) => {
  const { behaviour, ...world } = makeWorld()
  return Effect.map(make({ ...defaults, ...settings, name: "Probe", behaviour }), (system) => ({ system, ...world }))
}
export type Start = ReturnType<typeof starter>

/** Lets other fibers run until the actor's row is as asked; bounded, so a broken engine fails and does not hang. */
export const until = Effect.fnUntraced(
  function* (system: System, id: string, holds: (row: ActorSnapshot | undefined) => boolean) {
    for (let turns = 0; turns < 2_000; turns++) {
      const row = (yield* system.snapshot).find((each) => each.id === id)
      if (holds(row)) return row
      yield* Effect.yieldNow
    }
    return yield* Effect.die(new Error(`the row of ${id} never came to hold`))
  },
)

/** Lets time pass until the effect is done; bounded, so a broken engine fails and does not hang. */
export const inTime = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkChild(effect)
  for (let steps = 0; steps < 100; steps++) {
    yield* TestClock.adjust(100)
    if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
  }
  return yield* Effect.die(new Error("not done within 10 s"))
})

export const tagOf = <A>(exit: Exit.Exit<A, { readonly _tag: string }>): string =>
  Exit.isSuccess(exit)
    ? "success"
    : Option.match(Cause.findErrorOption(exit.cause), { onNone: () => "no failure", onSome: (error) => error._tag })

export const failureOf = <A, E>(exit: Exit.Exit<A, E>): E | undefined =>
  Option.getOrUndefined(Exit.findErrorOption(exit))

export const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
