/**
 * Logs go through pino: one JSON object a line, or one line of text on a terminal. Every line carries the trace it
 * belongs to. Secrets are `Redacted` long before; names that smell of one are cut here as a second fence.
 */
import process from "node:process"
import { Cause, Context, Layer, Logger, References, Tracer } from "effect"
import { pino } from "pino"

export interface LoggerOptions {
  readonly level: "trace" | "debug" | "info" | "warn" | "error"
  readonly format: "json" | "text"
}

const secretNames = ["token", "password", "authorization", "cookie", "secret", "sealedToken"]

const effectLevels = { trace: "Trace", debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

const pinoLevels = {
  All: "trace",
  Trace: "trace",
  Debug: "debug",
  Info: "info",
  Warn: "warn",
  Error: "error",
  Fatal: "fatal",
  None: "silent",
} as const

export const layer = (options: LoggerOptions) => {
  const root = pino({
    level: options.level,
    base: null,
    redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
  }, options.format === "text" ? { write: writeText } : process.stdout)
  return Layer.merge(
    Logger.layer([pinoLogger(root)]),
    Layer.succeed(References.MinimumLogLevel, effectLevels[options.level]),
  )
}

/** Effect's log lines as pino's. */
const pinoLogger = (root: pino.Logger) =>
  Logger.make<unknown, void>(({ message, logLevel, cause, fiber }) => {
    const level = pinoLevels[logLevel]
    if (level === "silent") return
    const fields: Record<string, unknown> = { ...fiber.getRef(References.CurrentLogAnnotations) }
    const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
    if (span !== undefined) Object.assign(fields, { trace_id: span.traceId, span_id: span.spanId })
    if (cause.reasons.length > 0) fields["err"] = Cause.pretty(cause)
    const words: Array<string> = []
    for (const part of Array.isArray(message) ? message : [message]) {
      if (typeof part === "object" && part !== null && !(part instanceof Error)) Object.assign(fields, part)
      else words.push(String(part))
    }
    root[level](fields, words.join(" "))
  })

/** `18:03:11 WARN  text  key=value`, for a person at a terminal. */
const writeText = (line: string): void => {
  const { time, level, msg, trace_id: _, span_id: __, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const clock = new Date(Number(time)).toISOString().slice(11, 19)
  const name = pino.levels.labels[Number(level)]?.toUpperCase().padEnd(5) ?? ""
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`).join("")
  process.stdout.write(`${clock} ${name} ${msg}${rest}${err === undefined ? "" : `\n${err}`}\n`)
}
