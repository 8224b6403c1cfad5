/** The words of `tipstream streams`; what they do is loaded when they are given. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"

const json = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print it as JSON"))

const check = Command.make(
  "check",
  { json },
  Effect.fnUntraced(function* (given) {
    const { check } = yield* Effect.promise(() => import("./streams.ts"))
    yield* check(given)
  }),
).pipe(
  Command.withDescription(
    "Compare NATS with what this version and its settings need, field by field; exit code 1 when something is " +
      "missing or different. Changes nothing",
  ),
)

const apply = Command.make(
  "apply",
  {
    json,
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Only say what would be done; exit code 1 when not all of it can be"),
    ),
  },
  Effect.fnUntraced(function* (given) {
    const { apply } = yield* Effect.promise(() => import("./streams.ts"))
    yield* apply(given)
  }),
).pipe(
  Command.withDescription(
    "Create what is missing on NATS and change what differs, as far as NATS changes it; says each step, and why " +
      "something stays. Never deletes. A lower limit makes NATS remove what is beyond it",
  ),
)

export const streamsCommand = Command.make("streams").pipe(
  Command.withDescription("The streams and consumers of the event log on NATS (NATS_URL), beside what they must be"),
  Command.withSubcommands([check, apply]),
)
