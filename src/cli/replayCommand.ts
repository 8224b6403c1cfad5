/** The words of `tipstream replay`; what it does is loaded when it is given. */
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { streamNames } from "../streams/names.ts"

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withDescription(description))

const flags = {
  stream: Flag.Literals("stream", streamNames).pipe(Flag.withDescription("Which stream")),
  from: text("from", "First event: its number, or a time as 2026-11-20T08:00:00Z (default: the first there is)"),
  to: text("to", "Last event: its number, or the last before a time (default: the last there is now)"),
  tenant: text("tenant", "Of this tenant"),
  user: text("user", "Of this user"),
  type: text("type", "Of this type, as signals.task.appeared"),
  out: Flag.Literals("out", ["ndjson", "protobuf"]).pipe(
    Flag.withDefault("ndjson"),
    Flag.withDescription("A JSON object a line, or envelopes each behind its size as a varint (default ndjson)"),
  ),
  file: text("file", "Write to this file (default: standard output)"),
  resume: text("resume", "Keep in this file where the replay stands, and go on from there when it is started again"),
  json: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("The summary, on standard error, is one JSON object"),
  ),
}

/** `whenUnread` as of src/cli/stopSignals.ts. */
export const replayCommand = (whenUnread: (end: () => void) => void) =>
  Command.make(
    "replay",
    flags,
    Effect.fnUntraced(function* (given) {
      const { replay } = yield* Effect.promise(() => import("./replay.ts"))
      yield* replay({
        stream: given.stream,
        from: Option.getOrUndefined(given.from),
        to: Option.getOrUndefined(given.to),
        tenant: Option.getOrUndefined(given.tenant),
        user: Option.getOrUndefined(given.user),
        type: Option.getOrUndefined(given.type),
        out: given.out,
        file: Option.getOrUndefined(given.file),
        resume: Option.getOrUndefined(given.resume),
        json: given.json,
        whenUnread,
      })
    }),
  ).pipe(Command.withDescription("Write out a part of the event log, the same every time, and say what it was"))
