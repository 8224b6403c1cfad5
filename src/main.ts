/**
 * `tipstream`: the commands. Everything a command needs is provided in src/cli; this file only names and runs them.
 */
// oxlint-disable-next-line import/no-unassigned-import -- it is there for what it does before `effect` is loaded
import "./cli/withoutAsyncContext.ts"
import process from "node:process"
import { Cause, Effect, Layer, Option } from "effect"
import { CliConfig, Command, Flag, GlobalFlag } from "effect/cli"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { deadLetterCommands } from "./cli/deadLettersCommand.ts"
import { explain } from "./cli/explain.ts"
import { replayCommand } from "./cli/replayCommand.ts"
import { version } from "./cli/runtime.ts"
import { watch } from "./cli/stopSignals.ts"
import { streamsCommand } from "./cli/streamsCommand.ts"
import { vaultCommand } from "./cli/vaultCommand.ts"

const stops = watch()

const serve = Command.make(
  "serve",
  {
    demo: Flag.Boolean("demo").pipe(
      Flag.withDefault(false),
      Flag.withDescription("With a demo user, and a simulated Todoist unless TODOIST_TOKEN is set; loopback only"),
    ),
  },
  // Loaded when asked for: `--help` and `simulate` need none of it.
  Effect.fnUntraced(function* (options) {
    const { serve } = yield* Effect.promise(() => import("./cli/serve.ts"))
    yield* serve({ ...options, onReady: stops.ready })
  }),
).pipe(Command.withDescription("Run the service. Settings come from the environment; the README has the table"))

const simulate = Command.make(
  "simulate",
  {
    port: Flag.Int("port").pipe(
      Flag.withDefault(8090),
      Flag.withDescription("Port on 127.0.0.1; 0 takes any free one (default 8090)"),
    ),
    state: Flag.String("state").pipe(
      Flag.optional,
      Flag.withDescription("Keep the accounts in this file across restarts (default: in memory only)"),
    ),
    seed: Flag.String("seed").pipe(
      Flag.withDefault("tipstream"),
      Flag.withDescription("What the account is made from (default tipstream)"),
    ),
    token: Flag.String("token").pipe(
      Flag.withDefault("sim-demo-token"),
      Flag.withDescription("API token of the account (default sim-demo-token)"),
    ),
    still: Flag.Boolean("still").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Do not let the account go on living"),
    ),
  },
  Effect.fnUntraced(function* ({ port, state, seed, token, still }) {
    const { simulate } = yield* Effect.promise(() => import("./cli/simulate.ts"))
    yield* simulate({ onReady: stops.ready, port, stateFile: Option.getOrUndefined(state), seed, token, live: !still })
  }),
).pipe(Command.withDescription("Run the simulated Todoist alone"))

const doctor = Command.make(
  "doctor",
  { json: Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print the findings as JSON")) },
  Effect.fnUntraced(function* (options) {
    const { doctor } = yield* Effect.promise(() => import("./cli/doctor.ts"))
    yield* doctor(options)
  }),
).pipe(Command.withDescription("Check what the service needs here, and say how to mend what is missing"))

const deadLetters = Command.make("dead-letters").pipe(
  Command.withDescription("Look at what consumers gave up, and send it again or drop it, in the running service"),
  Command.withSubcommands(deadLetterCommands),
)

const tipstream = Command.make("tipstream").pipe(
  Command.withDescription("One well-timed tip from the tools you already use"),
  Command.withSubcommands([
    serve,
    simulate,
    doctor,
    deadLetters,
    replayCommand(stops.whenUnread),
    streamsCommand,
    vaultCommand,
  ]),
)

/** Without a wizard for one flag, and without a log level beside the setting `LOG_LEVEL`. */
const builtIns = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })

Command.run(tipstream, { version }).pipe(
  Effect.provide(Layer.merge(NodeServices.layer, builtIns)),
  Effect.tapCause((cause) =>
    Effect.sync(() => {
      const text = explain(cause)
      if (text !== undefined) process.stderr.write(`${text}\n`)
    })
  ),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      if (exit._tag === "Success") return onExit(0)
      onExit(Cause.hasInterruptsOnly(exit.cause) ? stops.exitCode() : 1)
    },
  }),
)
