/** The words of `tipstream dead-letters`; what they do is loaded when one is given. */
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { DeathReason } from "../streams/DeadLetters.ts"

const url = Flag.String("url").pipe(
  Flag.optional,
  Flag.withDescription(
    "Where the service listens (default http://HOST:PORT); its ADMIN_TOKEN is taken from the settings",
  ),
)
const json = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Print the service's answer as JSON"),
)

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withDescription(description))

const conditions = {
  durable: text("durable", "Of this consumer"),
  stream: text("stream", "Of this stream"),
  reason: Flag.Literals("reason", DeathReason.literals).pipe(
    Flag.optional,
    Flag.withDescription("Given up for this reason"),
  ),
  tenant: text("tenant", "Of this tenant, by the subject"),
  user: text("user", "Of this user, by the subject"),
  since: text("since", "Given up at or after this time: RFC 3339, or 30m, 2h, 7d ago"),
  until: text("until", "Given up before this time"),
}

const choice = {
  ...conditions,
  id: Flag.Int("id").pipe(Flag.atLeast(0), Flag.withDescription("This letter; may be given several times")),
  all: Flag.Boolean("all").pipe(Flag.withDefault(false), Flag.withDescription("All open letters, without a condition")),
  limit: Flag.Int("limit").pipe(
    Flag.optional,
    Flag.withDescription("At most so many, the oldest first (default 100, at most 1000)"),
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Say what would be done, and do nothing"),
  ),
  url,
  json,
}

const load = Effect.promise(() => import("./deadLetters.ts"))

const list = Command.make(
  "list",
  {
    ...conditions,
    state: Flag.Literals("state", ["open", "redriven", "any"]).pipe(
      Flag.withDefault("open"),
      Flag.withDescription("Open ones (default), those sent again, or both"),
    ),
    before: Flag.Int("before").pipe(Flag.optional, Flag.withDescription("Older than the letter with this id")),
    limit: Flag.Int("limit").pipe(
      Flag.withDefault(50),
      Flag.withDescription("At most so many (default 50, at most 100)"),
    ),
    url,
    json,
  },
  (options) => Effect.flatMap(load, ({ listLetters }) => listLetters(options)),
).pipe(Command.withDescription("List messages that a consumer gave up, newest first"))

const show = Command.make(
  "show",
  { id: Argument.Int("id"), url, json },
  (options) => Effect.flatMap(load, ({ showLetter }) => showLetter(options)),
).pipe(Command.withDescription("Show one with its headers and payload, which are personal data"))

const redrive = Command.make(
  "redrive",
  choice,
  (options) => Effect.flatMap(load, ({ redriveLetters }) => redriveLetters(options)),
).pipe(Command.withDescription("Send open ones again; what was done already is not done twice"))

const drop = Command.make(
  "drop",
  choice,
  (options) => Effect.flatMap(load, ({ dropLetters }) => dropLetters(options)),
).pipe(Command.withDescription("Forget open ones for good"))

export const deadLetterCommands = [list, show, redrive, drop] as const
