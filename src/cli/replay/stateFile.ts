/** Where a replay stands, so that another run goes on with it: written at the end of every full block of the digest. */
import fs from "node:fs/promises"
import { Effect, Schema } from "effect"
import { streamNames } from "../../streams/names.ts"
import { CannotStart } from "../problem.ts"
import type { Asked } from "./identity.ts"

const Text = Schema.UndefinedOr(Schema.String).pipe(Schema.optionalKey)

const State = Schema.Struct({
  version: Schema.Literal(1),
  asked: Schema.Struct({
    stream: Schema.Literals(streamNames),
    from: Text,
    to: Text,
    tenant: Text,
    user: Text,
    type: Text,
    out: Schema.String,
    file: Text,
  }),
  fixed: Schema.Struct({ createdAtMs: Schema.Int, first: Schema.Int, last: Schema.Int }),
  /** Everything up to here was written out. */
  position: Schema.Int,
  events: Schema.Int,
  undecodable: Schema.Int,
  /** Bytes written out: what a file holds beyond is written again. */
  bytes: Schema.Int,
  digest: Schema.String,
  isComplete: Schema.Boolean,
})

export type State = typeof State.Type

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(State))

/** Undefined when there is none yet. */
export const readState = (file: string): Effect.Effect<State | undefined, CannotStart> =>
  Effect.tryPromise({
    try: async () => {
      const text = await fs.readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT") return undefined
        throw cause
      })
      return text === undefined ? undefined : decode(text)
    },
    catch: (cause) => new CannotStart({ lines: [`--resume: ${file} is no state of a replay: ${firstLine(cause)}`] }),
  })

/** Replaced as a whole, so that a kill leaves the old one or the new one. */
export const writeState = (file: string, state: State): Effect.Effect<void, CannotStart> =>
  Effect.tryPromise({
    try: async () => {
      await fs.writeFile(`${file}.tmp`, `${JSON.stringify(state)}\n`)
      await fs.rename(`${file}.tmp`, file)
    },
    catch: (cause) => new CannotStart({ lines: [`--resume: ${file} cannot be written: ${firstLine(cause)}`] }),
  })

/** The flags that were other ones when the state was written. */
export const differences = (state: State, asked: Asked): ReadonlyArray<string> =>
  (["stream", "from", "to", "tenant", "user", "type", "out", "file"] as const)
    .filter((name) => state.asked[name] !== asked[name])

const firstLine = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]!
