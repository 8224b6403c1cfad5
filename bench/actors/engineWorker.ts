/** One engine in a process of its own: makes its actors, asks them, lets them go, and prints what that took. */
// oxlint-disable-next-line import/no-unassigned-import -- it is there for what it does before `effect` is loaded
import "../../src/cli/withoutAsyncContext.ts"
import process from "node:process"
import { Effect } from "effect"
import { type Asked, type Contender, engines } from "./engines.ts"
import { idleMsOf } from "./probe.ts"

export interface EnginePlan {
  readonly contender: Contender
  readonly actors: number
}

export interface EngineMeasured {
  readonly heapBytesPerActor: number
  readonly spawnsPerSecond: number
  readonly asksPerSecond: number
  readonly asksPerSecondCrowded: number
  /** After the idle time, until the last actor has run its finalizers; NaN of one that never goes. */
  readonly goneAfterMs: number
  /** Of what the actors took, still taken after they went. */
  readonly heapKeptBytesPerActor: number
}

const askMs = 1_500
const crowd = 64
/** As many ask at once while actors are made: a burst, not all together. */
const spawnersMax = 256
/** Those that are asked again and again: enough that no two callers share one. */
const askedActors = 1_024
/** The engine and the runtime are warm after so many. */
const warmupActors = 2_000

/** Twice with a pause, since what finalizers and weak references let go is collected one turn later. */
const aliveBytes = Effect.gen(function* () {
  const { gc } = globalThis as { readonly gc?: () => void }
  if (gc === undefined) throw new Error("run with --expose-gc")
  for (let times = 0; times < 3; times++) {
    gc()
    yield* Effect.sleep(20)
  }
  return process.memoryUsage().heapUsed
})

const idsOf = (kind: string, count: number) => Array.from({ length: count }, (_, n) => `default/${kind}${n}`)

const askAll = ({ ask }: Asked, ids: ReadonlyArray<string>) =>
  Effect.forEach(ids, ask, { concurrency: spawnersMax, discard: true })

const rate = Effect.fnUntraced(function* ({ ask }: Asked, ids: ReadonlyArray<string>, callers: number) {
  const startMs = performance.now()
  const endMs = startMs + askMs
  let asks = 0
  const caller = (which: number) =>
    Effect.gen(function* () {
      for (let n = which; performance.now() < endMs; n += callers) {
        yield* ask(ids[n % ids.length]!)
        asks += 1
      }
    })
  yield* Effect.forEach(Array.from({ length: callers }, (_, n) => n), caller, {
    concurrency: "unbounded",
    discard: true,
  })
  return asks * 1_000 / (performance.now() - startMs)
})

const measure = Effect.fnUntraced(function* ({ actors, contender }: EnginePlan) {
  const asked = yield* engines[contender](actors)
  const warm = idsOf("warm", warmupActors)
  yield* askAll(asked, warm)
  yield* askAll(asked, warm)
  const ids = idsOf("user", actors)
  const before = yield* aliveBytes
  const spawnMs = performance.now()
  yield* askAll(asked, ids)
  const spawnsPerSecond = actors * 1_000 / (performance.now() - spawnMs)
  const full = yield* aliveBytes
  const live = yield* asked.count
  if (live !== actors + warmupActors) throw new Error(`of ${actors + warmupActors} actors ${live} are live`)
  const some = ids.slice(0, askedActors)
  const asksPerSecond = yield* rate(asked, some, 1)
  const asksPerSecondCrowded = yield* rate(asked, some, crowd)
  const gone = contender === "promise chains" ? Number.NaN : yield* passivation(asked, idleMsOf(actors))
  const after = yield* aliveBytes
  const measured: EngineMeasured = {
    heapBytesPerActor: (full - before) / actors,
    spawnsPerSecond,
    asksPerSecond,
    asksPerSecondCrowded,
    goneAfterMs: gone,
    heapKeptBytesPerActor: (after - before) / actors,
  }
  return measured
})

const passivation = Effect.fnUntraced(function* ({ count }: Asked, idleMs: number) {
  const lastAskMs = performance.now()
  while ((yield* count) > 0) yield* Effect.sleep(10)
  return performance.now() - lastAskMs - idleMs
})

const plan = JSON.parse(process.argv[2]!) as EnginePlan
const measured = await Effect.runPromise(Effect.scoped(measure(plan)))
console.log(`measured ${JSON.stringify(measured)}`)
process.exit(0)
