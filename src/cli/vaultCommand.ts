/** The words of `tipstream vault`; what they do is loaded when they are given. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"

const json = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print it as JSON"))

const reseal = Command.make(
  "reseal",
  { json },
  Effect.fnUntraced(function* (given) {
    const { reseal } = yield* Effect.promise(() => import("./vault.ts"))
    yield* reseal(given)
  }),
).pipe(Command.withDescription("Seal everything anew that the active key has not sealed; also while the service runs"))

const newKey = Command.make(
  "new-key",
  {},
  Effect.fnUntraced(function* () {
    const { newKey } = yield* Effect.promise(() => import("./vault.ts"))
    yield* newKey
  }),
).pipe(Command.withDescription("Print a fresh key as id:base64, for the front of VAULT_KEYS. It is a secret"))

export const vaultCommand = Command.make(
  "vault",
  { json },
  Effect.fnUntraced(function* (given) {
    const { show } = yield* Effect.promise(() => import("./vault.ts"))
    yield* show(given)
  }),
).pipe(
  Command.withDescription(
    "The keys that seal tokens: which is active, how many tokens each sealed, which can be taken away; exit code 1 " +
      "when tokens do not open",
  ),
  Command.withSubcommands([reseal, newKey]),
)
