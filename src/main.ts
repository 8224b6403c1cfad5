/**
 * `tipstream`: the commands. Everything a command needs is provided in src/cli; this file only names and runs them.
 */
import process from "node:process"
import { Cause, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { version } from "./cli/runtime.ts"

const serve = Command.make(
  "serve",
  {
    demo: Flag.Boolean("demo").pipe(
      Flag.withDescription("With a demo user, and a simulated Todoist unless TODOIST_TOKEN is set; loopback only"),
    ),
  },
  // Loaded when asked for: `--help` and `simulate` need none of it.
  Effect.fnUntraced(function* (options) {
    const { serve } = yield* Effect.promise(() => import("./cli/serve.ts"))
    yield* serve(options)
  }),
).pipe(Command.withDescription("Run the service. Settings come from the environment; the README has the table"))

const simulate = Command.make(
  "simulate",
  {
    port: Flag.Int("port").pipe(
      Flag.withDefault(8090),
      Flag.withDescription("Port on 127.0.0.1; 0 takes any free one"),
    ),
    state: Flag.String("state").pipe(
      Flag.optional,
      Flag.withDescription("Keep the accounts in this file across restarts"),
    ),
    seed: Flag.String("seed").pipe(
      Flag.withDefault("tipstream"),
      Flag.withDescription("What the account is made from"),
    ),
    token: Flag.String("token").pipe(
      Flag.withDefault("sim-demo-token"),
      Flag.withDescription("API token of the account"),
    ),
    still: Flag.Boolean("still").pipe(Flag.withDescription("Do not let the account go on living")),
  },
  Effect.fnUntraced(function* ({ port, state, seed, token, still }) {
    const { simulate } = yield* Effect.promise(() => import("./cli/simulate.ts"))
    yield* simulate({ port, stateFile: Option.getOrUndefined(state), seed, token, live: !still })
  }),
).pipe(Command.withDescription("Run the simulated Todoist alone"))

const doctor = Command.make(
  "doctor",
  { json: Flag.Boolean("json").pipe(Flag.withDescription("Print the findings as JSON")) },
  Effect.fnUntraced(function* (options) {
    const { doctor } = yield* Effect.promise(() => import("./cli/doctor.ts"))
    yield* doctor(options)
  }),
).pipe(Command.withDescription("Check what the service needs here, and say how to mend what is missing"))

const tipstream = Command.make("tipstream").pipe(
  Command.withDescription("One well-timed tip from the tools you already use"),
  Command.withSubcommands([serve, simulate, doctor]),
)

/** Errors of ours carry a sentence for the person at the terminal; anything else is a defect and shows its stack. */
const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error && "_tag" in error ? `tipstream: ${error.message}` : Cause.pretty(cause)
}

Command.run(tipstream, { version }).pipe(
  Effect.provide(NodeServices.layer),
  Effect.tapCause((cause) =>
    Effect.sync(() => {
      // Help after a wrong flag was printed by the parser.
      if (!Cause.hasInterruptsOnly(cause)) process.stderr.write(`${explain(cause)}\n`)
    })
  ),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) =>
      // A stop that was asked for and carried out is a success, whichever signal asked.
      onExit(exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1),
  }),
)
