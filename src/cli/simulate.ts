/** `tipstream simulate`: the Todoist simulator in the foreground, to point `TODOIST_BASE_URL` at. */
import process from "node:process"
import { Console, Effect } from "effect"
import { runSimulator } from "../../simulator/runSimulator.ts"
import { startProblem } from "../../simulator/startProblem.ts"
import { CannotStart } from "./problem.ts"

export interface SimulateOptions {
  readonly port: number
  readonly stateFile: string | undefined
  readonly seed: string
  readonly token: string
  readonly live: boolean
  readonly onReady: () => void
}

export const simulate = Effect.fn("simulate")(function* (options: SimulateOptions) {
  const simulator = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () => runSimulator({ ...options, warn: (line) => process.stderr.write(`${line}\n`) }),
      catch: (cause) => new CannotStart({ lines: [startProblem(cause, options.port)] }),
    }),
    ({ close }) => Effect.promise(close),
  )
  yield* Console.log(`the simulated Todoist is ready: open ${simulator.url}`)
  yield* Console.log(`  serve it with: TODOIST_BASE_URL=${simulator.url} TODOIST_TOKEN=${simulator.token} npm start`)
  yield* Console.log("  stop with Ctrl-C")
  options.onReady()
  return yield* Effect.never
}, Effect.scoped)
