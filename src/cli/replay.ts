/**
 * `tipstream replay`: a range of a stream for other programs, the same every time. Events go to standard output or a
 * file; everything said to the person goes to standard error.
 */
import process from "node:process"
import { Clock, Effect, Layer, Logger, References, Stream } from "effect"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { readConfig } from "../config.ts"
import type { ReplayGap, ReplayRange, StoredEvent } from "../streams/EventLog.ts"
import { isEventClass, streamOfClass } from "../streams/names.ts"
import * as Digest from "../streams/replayDigest.ts"
import { CannotStart } from "./problem.ts"
import { areSwapped, boundOf } from "./replay/bounds.ts"
import { encoders } from "./replay/encoding.ts"
import type { Format } from "./replay/encoding.ts"
import { identityOf, summaryOf } from "./replay/identity.ts"
import type { Asked, Fixed } from "./replay/identity.ts"
import { fileOutput, standardOutput } from "./replay/output.ts"
import type { Output } from "./replay/output.ts"
import { sourceOf } from "./replay/source.ts"
import type { Source } from "./replay/source.ts"
import { differences, readState, writeState } from "./replay/stateFile.ts"
import type { State } from "./replay/stateFile.ts"
import { expectTwoFiles } from "./replay/twoFiles.ts"

export interface ReplayOptions extends Asked {
  readonly out: Format
  readonly resume: string | undefined
  readonly json: boolean
  readonly whenUnread: (end: () => void) => void
}

/** Written out at once; with the events of one piece this is what a run holds in memory. */
const pieceBytes = 1024 * 1024

export const replay = Effect.fnUntraced(
  function* (options: ReplayOptions) {
    const { config, problems } = readConfig()
    if (config === undefined) {
      const lines = ["the configuration is not right:", ...problems.map((one) => `  ${one}`)]
      return yield* new CannotStart({ lines: problems.length === 1 ? problems : lines })
    }
    const filter = yield* filterOf(options)
    yield* expectTwoFiles(options)
    const source = yield* sourceOf(config, say)
    const run = Effect.gen(function* () {
      const known = options.resume === undefined ? undefined : yield* readState(options.resume)
      const begun = yield* begin(source, options, known)
      const output = options.file === undefined ? standardOutput : yield* fileOutput(options.file, begun.bytes)
      const state = begun.isComplete ? begun : yield* copy(source, filter, output, options, begun)
      const identity = identityOf(source.log, options, state.fixed, state, state.digest)
      yield* options.json ? say(JSON.stringify(identity)) : say(summaryOf(identity).join("\n"))
    })
    yield* Effect.raceFirst(run, unread(options)).pipe(
      Effect.catchTags({ ReplayGap: inOneLine, StoreUnavailable: unavailable }),
    )
  },
  Effect.scoped,
  Effect.provide(Layer.suspend(() => toStandardError)),
)

const say = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stderr.write(`${text}\n`))

/** Standard output is for the events. */
const toStandardError = Layer.merge(
  Logger.layer([Logger.make(({ message }) => void process.stderr.write(`${[message].flat().join(" ")}\n`))]),
  Layer.succeed(References.MinimumLogLevel, "Warn"),
)

/** Ends the run in order, so that nothing is left on a server. */
const unread = ({ whenUnread }: ReplayOptions): Effect.Effect<never> =>
  Effect.callback((resume) => whenUnread(() => resume(Effect.interrupt)))

const inOneLine = (error: ReplayGap) => Effect.fail(new CannotStart({ lines: [error.message] }))

/** Undefined table, as a database says that is no tipstream's. */
const noTable = "42P01"

const unavailable = ({ operation, cause }: StoreUnavailable) => {
  const { reason, message } = cause as { reason?: { message: string; cause?: { code?: string } }; message?: string }
  return Effect.fail(
    new CannotStart({
      lines: [
        reason?.cause?.code === noTable
          ? "there is no log of tipstream in this database: let DATABASE_URL name the service's own"
          : `the log cannot be read (${operation}): ${reason?.message ?? message ?? String(cause)}`,
      ],
    }),
  )
}

/** Words of a subject: anything else would match what was not meant, or nothing. */
const filterOf = Effect.fnUntraced(function* ({ stream, tenant, user, type }: Asked) {
  const isToken = (text: string | undefined) => text === undefined || /^[A-Za-z0-9_-]{1,64}$/.test(text)
  if (!isToken(tenant)) return yield* refused("--tenant: expected letters, digits, - and _")
  if (!isToken(user)) return yield* refused("--user: expected letters, digits, - and _")
  const [eventClass = "", ...names] = type?.split(".") ?? []
  if (type !== undefined) {
    const isType = isEventClass(eventClass) && names.length === 2 && names.every(isToken)
    if (!isType) return yield* refused("--type: expected <class>.<entity>.<event>, as signals.task.appeared")
    if (streamOfClass[eventClass] !== stream) {
      return yield* refused(`--type: events of type ${type} are in ${streamOfClass[eventClass]}, not in ${stream}`)
    }
  }
  return {
    ...(tenant === undefined ? {} : { tenantId: TenantId.make(tenant) }),
    ...(user === undefined ? {} : { userId: UserId.make(user) }),
    ...(type === undefined ? {} : { type }),
  }
})

const refused = (line: string) => Effect.fail(new CannotStart({ lines: [line] }))

/** Where this run takes up: at the begin of the range, or where an earlier one was. */
const begin = Effect.fnUntraced(function* (source: Source, options: ReplayOptions, known: State | undefined) {
  const { stream } = options
  const info = yield* source.look(stream)
  if (info === undefined) return yield* refused(`there is no stream ${stream} in the ${source.log} log`)
  if (known !== undefined) {
    const others = differences(known, options)
    if (others.length > 0) {
      return yield* refused(`--resume: ${options.resume} is of a replay with another ${others.join(", ")}`)
    }
    if (known.fixed.createdAtMs !== info.createdAtMs) {
      return yield* refused(
        `--resume: ${stream} was made anew: it is of ${
          timeOf(info.createdAtMs)
        }, and ${options.resume} of a stream of ` +
          `${timeOf(known.fixed.createdAtMs)}. The same numbers are other events: begin anew with another file`,
      )
    }
    return known
  }
  const first = yield* sequenceOf(source, options, "from", info.firstSequence)
  if (areSwapped(options)) return yield* refused(`--from ${options.from} lies behind --to ${options.to}`)
  const last = Math.min(info.lastSequence, yield* sequenceOf(source, options, "to", info.lastSequence + 1))
  const fixed: Fixed = { createdAtMs: info.createdAtMs, first, last }
  const { resume: _, json: __, whenUnread: ___, ...asked } = options
  const counts = { position: first - 1, events: 0, undecodable: 0, bytes: 0 }
  return { version: 1, asked, fixed, ...counts, digest: Digest.make().value(), isComplete: false } satisfies State
})

const timeOf = (atMs: number) => new Date(atMs).toISOString()

/** A time means the first event at or after it; as an end, the last one before it. */
const sequenceOf = Effect.fnUntraced(function* (
  source: Source,
  options: ReplayOptions,
  name: "from" | "to",
  otherwise: number,
) {
  const text = options[name]
  if (text === undefined) return otherwise
  const bound = boundOf(text)
  if (bound === undefined) {
    return yield* refused(`--${name}: expected the number of an event, or a time such as 2026-11-20T08:00:00Z`)
  }
  if ("sequence" in bound) return bound.sequence
  return (yield* source.sequenceAt(options.stream, bound.atMs)) - (name === "to" ? 1 : 0)
})

/** All events from the state on, to the output; the state as it is at the end. */
const copy = Effect.fnUntraced(function* (
  source: Source,
  filter: Pick<ReplayRange, "tenantId" | "userId" | "type">,
  output: Output,
  options: ReplayOptions,
  begun: State,
) {
  const { fixed } = begun
  const digest = Digest.make(begun.digest)
  const encode = encoders[options.out]
  const now = { position: begun.position, events: begun.events, undecodable: begun.undecodable, bytes: begun.bytes }
  let pieces: Array<Uint8Array> = []
  let held = 0

  const flush = Effect.suspend(() => {
    const bytes = Buffer.concat(pieces)
    pieces = []
    held = 0
    now.bytes += bytes.length
    return bytes.length === 0 ? Effect.void : output.write(bytes)
  })
  const stateNow = (isComplete: boolean): State => ({ ...begun, ...now, digest: digest.value(), isComplete })
  const keep = (isComplete: boolean) =>
    options.resume === undefined ? Effect.void : writeState(options.resume, stateNow(isComplete))

  const add = (event: StoredEvent) => {
    const { bytes, isReadable } = encode(event)
    digest.add(event)
    now.position = event.sequence
    now.events++
    if (!isReadable) now.undecodable++
    pieces.push(bytes)
    held += bytes.length
  }
  const take = Effect.fnUntraced(function* (events: ReadonlyArray<StoredEvent>) {
    for (const event of events) {
      add(event)
      const isLink = digest.link() !== undefined
      if (isLink || held >= pieceBytes) yield* flush
      if (isLink) yield* keep(false)
    }
  })

  // Known from the first event on, so that a run that is ended early can be taken up.
  yield* keep(false)
  const range = { stream: options.stream, fromSequence: begun.position + 1, toSequence: fixed.last, ...filter }
  yield* Effect.raceFirst(Stream.runForEach(source.replay(range), take), progress(options, fixed, now))
  yield* flush
  yield* keep(true)
  return stateNow(true)
})

/** On a terminal every second; elsewhere only when it takes long, so that short runs say nothing but their summary. */
const quietMs = 5_000

const progress = Effect.fnUntraced(function* (
  { json }: ReplayOptions,
  { first, last }: Fixed,
  now: { readonly events: number; readonly position: number },
) {
  if (json) return yield* Effect.never
  const startedAtMs = yield* Clock.currentTimeMillis
  const before = now.events
  while (true) {
    yield* Effect.sleep(1_000)
    const tookMs = (yield* Clock.currentTimeMillis) - startedAtMs
    if (!process.stderr.isTTY && tookMs < quietMs) continue
    const percent = Math.floor(100 * (now.position - first + 1) / Math.max(1, last - first + 1))
    const rate = Math.round((now.events - before) / (tookMs / 1_000))
    yield* say(`${now.events} events, ${rate} a second, ${percent} %`)
  }
})
