/** Dead letters as text for a terminal. Pure. Most of what stands in a letter was written by others. */
export interface LetterView {
  readonly id: number
  readonly durable: string
  readonly stream: string
  readonly sequence: number
  readonly subject: string
  readonly messageId: string
  readonly state: string
  readonly redrives: number
  readonly reason: string
  readonly detail: string
  readonly attempts: number
  readonly diedAt: string
}

export interface OpenedView {
  readonly letter: LetterView
  readonly headers: Readonly<Record<string, string>>
  readonly payload: string
  readonly event: unknown
  readonly problem: string | null
}

/** A terminal obeys control characters, whoever sent them, and turns text around at those of writing direction. */
export const printable = (text: string): string => text.replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd")

const heads = ["id", "age", "durable", "event", "reason", "tries", "state", "detail"]

export const letterTable = (letters: ReadonlyArray<LetterView>, nowMs: number): ReadonlyArray<string> => {
  if (letters.length === 0) return ["no dead letters"]
  const rows = letters.map((one) =>
    [
      String(one.id),
      ageOf(nowMs - Date.parse(one.diedAt)),
      one.durable,
      eventOf(one),
      one.reason,
      String(one.attempts),
      one.state,
      one.detail,
    ].map(printable)
  )
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at]!.length)))
  return [heads, ...rows].map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd())
}

export const letterWords = ({ letter, headers, payload, event, problem }: OpenedView, nowMs: number) => {
  const facts: ReadonlyArray<readonly [string, string | number]> = [
    ["letter", letter.id],
    ["state", letter.redrives === 0 ? letter.state : `${letter.state}, sent again ${letter.redrives} times`],
    ["durable", letter.durable],
    ["event", eventOf(letter)],
    ["subject", letter.subject],
    ["message id", letter.messageId === "" ? "none" : letter.messageId],
    ["reason", `${letter.reason}: ${letter.detail}`],
    ["attempts", letter.attempts],
    ["died", `${letter.diedAt}, ${ageOf(nowMs - Date.parse(letter.diedAt))} ago`],
  ]
  return [
    ...facts.map(([name, value]) => `${name.padEnd(12)}${value}`),
    "",
    "headers",
    ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`),
    "",
    ...(problem === null
      ? ["payload", ...JSON.stringify(event, null, 2).split("\n").map((line) => `  ${line}`)]
      : [`payload, not readable: ${problem}`, `  base64 ${shortened(payload)}`]),
  ].map((line) => printable(line))
}

/** What never got onto the log has no number. */
const eventOf = ({ stream, sequence }: LetterView): string => sequence > 0 ? `${stream}#${sequence}` : stream

/** What is longer is no help on a screen; `--json` has it all. */
const payloadMaxChars = 400

const shortened = (payload: string) =>
  payload.length <= payloadMaxChars ? payload : `${payload.slice(0, payloadMaxChars)}… (all of it with --json)`

/** The largest unit that fits, rounded down. */
const ageOf = (ms: number): string => {
  for (const [unit, size] of units) if (ms >= size) return `${Math.floor(ms / size)}${unit}`
  return "0s"
}

const units = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1_000]] as const

/** `2h` is two hours before now; else it is RFC 3339. Undefined when it is neither. */
export const instantOf = (text: string, nowMs: number): string | undefined => {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const size = units.find(([name]) => name === unit)?.[1]
  if (size !== undefined) return new Date(nowMs - Number(number) * size).toISOString()
  return rfc3339.test(text) && !Number.isNaN(Date.parse(text)) ? text : undefined
}

/** As the service takes it. */
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
