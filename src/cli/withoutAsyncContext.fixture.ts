/** Prints how many bytes a fiber keeps for each of its many waits. Run with --expose-gc. */
// oxlint-disable-next-line import/no-unassigned-import -- it is there for what it does before `effect` is loaded
import "./withoutAsyncContext.ts"
import process from "node:process"
import { Effect } from "effect"

const waits = 20_000
const { gc } = globalThis as unknown as { readonly gc: () => void }

const alive = () => {
  gc()
  return process.memoryUsage().heapUsed
}

const wait = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

await Effect.runPromise(Effect.gen(function* () {
  for (let n = 0; n < waits / 10; n++) yield* wait
  const before = alive()
  for (let n = 0; n < waits; n++) yield* wait
  process.stdout.write(`${(alive() - before) / waits}\n`)
}))
