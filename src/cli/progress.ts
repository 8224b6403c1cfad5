/**
 * What is said while the service starts and stops, on standard output. With text logs these are plain lines, whatever
 * the least level logged: they are for the person who waits. With JSON logs (the default when standard output is no
 * terminal) they are log lines of level info like all others, so that every line of the output is one JSON object.
 *
 * What keeps the service from starting or from going on is one plain line on standard error in either case.
 */
import process from "node:process"
import { Console, Context, Effect, Layer } from "effect"
import type { Config } from "../config.ts"
import * as Logger from "../observability/logger.ts"

export class Progress extends Context.Service<Progress, {
  /** One thing done on the way up. `forLog` replaces words that no log should hold. */
  readonly step: (text: string, forLog?: string) => Effect.Effect<void>
  /** `fields` hold what `lines` say, for a program that reads the log. */
  readonly tell: (text: string, more?: {
    readonly lines: ReadonlyArray<string>
    readonly fields: Readonly<Record<string, string>>
  }) => Effect.Effect<void>
}>()("tipstream/cli/Progress") {}

/** With the logger it agrees with. */
export const layer = ({ logFormat, logLevel: level }: Pick<Config, "logFormat" | "logLevel">) => {
  const format = logFormat === "auto" ? (process.stdout.isTTY ? "text" : "json") : logFormat
  return Layer.merge(
    Logger.layer({ level, format }),
    Layer.succeed(Progress, format === "text" ? asText : asLog),
  )
}

const asText = Progress.of({
  step: (text) => Console.log(`  ${text}`),
  tell: (text, more) => Console.log([text, ...(more?.lines ?? []).map((line) => `  ${line}`)].join("\n")),
})

const asLog = Progress.of({
  step: (text, forLog = text) => Effect.logInfo(forLog),
  tell: (text, more) => Effect.logInfo(text, more?.fields ?? {}),
})
