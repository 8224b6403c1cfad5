/**
 * How long things may be. Longer functions that exist stand in a list with their length, and may only get shorter.
 */
import type { Breach, Source } from "./source.ts"
import { isForeign, isScript } from "./source.ts"

const lineMaxChars = 120
const fileMaxLines = 450
const functionMaxLines = 70

/** `path:name` → lines. A ratchet: lower a number when a function shrinks, take the line away when it fits. */
const longFunctions: Readonly<Record<string, number>> = {}

const styled = /\.(?:ts|mts|js|mjs|css|sql|proto)$/

export function sizeRule(sources: ReadonlyArray<Source>): ReadonlyArray<Breach> {
  return sources.filter(({ path }) => styled.test(path) && !isForeign(path)).flatMap(({ path, text }) => {
    const lines = text.replace(/\n$/, "").split("\n")
    const long = lines.flatMap((line, index) => {
      const chars = [...line].length
      if (chars <= lineMaxChars) return []
      return [{ path, line: index + 1, rule: "sizes", mend: `${chars} characters; break it before ${lineMaxChars}` }]
    })
    if (lines.length <= fileMaxLines) return long
    const mend = `${lines.length} lines, at most ${fileMaxLines}: split by meaning`
    return [...long, { path, line: fileMaxLines + 1, rule: "sizes", mend }]
  })
}

export function functionRule(
  sources: ReadonlyArray<Source>,
  allowed: Readonly<Record<string, number>> = longFunctions,
): ReadonlyArray<Breach> {
  const rule = "function length"
  const found = new Map<string, number>()
  const breaches: Array<Breach> = []
  for (const source of sources.filter(({ path }) => isScript(path) && !isForeign(path))) {
    for (const { name, line, lines } of functionsOf(source)) {
      // A suite is a list of tests, each measured by itself.
      if (lines <= functionMaxLines || name === "describe") continue
      const key = `${source.path}:${name}`
      const limit = allowed[key] ?? functionMaxLines
      found.set(key, Math.max(lines, found.get(key) ?? 0))
      if (lines > limit) {
        breaches.push({ path: source.path, line, rule, mend: `${name} has ${lines} lines, at most ${limit}: split it` })
      }
    }
  }
  for (const [key, limit] of Object.entries(allowed)) {
    const lines = found.get(key)
    if (lines !== undefined && lines >= limit) continue
    const now = lines === undefined ? `fits now or is gone: take ${key} off` : `has ${lines} lines now: lower ${key} in`
    breaches.push({ path: key.split(":")[0]!, line: 1, rule, mend: `${now} the list in test/tidy/sizes.ts` })
  }
  return breaches
}

interface Measured {
  readonly name: string
  readonly line: number
  /**
   * Those with code of its own: a named function inside it is measured by itself, so a layer that only lists its
   * methods is short; comments and the lines of a query do not count.
   */
  readonly lines: number
}

const modifiers = String.raw`(?:(?:export|default|static|async|get|set|override|readonly)\s+|\*)*`
const signature = String.raw`\((?:[^()]|\([^()]*\))*\)[^=(]*\{\s*$`
const opener = new RegExp(
  [
    String.raw`=>\s*[{([]?\s*$`,
    String.raw`=>.*[({[]\s*$`,
    String.raw`\bfunction\b.*[({[]\s*$`,
    String.raw`^\s*${modifiers}#?[\w$]+${signature}`,
  ].join("|"),
)
const controlFlow = /^\s*(?:\}\s*)?(?:if|else|for|while|switch|catch|do|try|with|return|throw)\b/
const names = [
  new RegExp(String.raw`^\s*${modifiers}(?:const|let)\s+([\w$]+)`),
  new RegExp(String.raw`^\s*${modifiers}function\s*\*?\s*([\w$]+)`),
  new RegExp(String.raw`^\s*${modifiers}(#?[\w$]+)(?:\s*[:=]\s|${signature})`),
  // A test is a thing of its own inside its suite.
  /^\s*((?:it|test|describe)(?:\.\w+)*)\s*\(/,
]

/**
 * Functions by their indentation, which `deno fmt --check` guarantees: one that opens on a line ends before the next
 * line that is indented no deeper.
 */
function functionsOf(source: Source): ReadonlyArray<Measured> {
  const lines = source.code.split("\n")
  const indents = lines.map((line) => line.trim() === "" ? undefined : line.search(/\S/))
  const codeLines = (from: number, to: number) =>
    indents.slice(from, to + 1).filter((indent) => indent !== undefined).length
  const found: Array<{ name: string | undefined; from: number; to: number }> = []
  for (const [index, line] of lines.entries()) {
    if (!opener.test(line) || controlFlow.test(line)) continue
    const to = endOf(index, indents)
    if (to > index + 1) found.push({ name: nameOf(index, lines, indents), from: index, to })
  }
  const measured = found.map(({ name, from, to }) => {
    const inner = found.filter((other) => other.name !== undefined && other.from > from && other.to <= to)
    const outermost = inner.filter((one) => !inner.some((other) => other.from < one.from && one.to <= other.to))
    const elsewhere = outermost.reduce((sum, other) => sum + codeLines(other.from, other.to), 0)
    return { name: name ?? "(anonymous)", line: from + 1, lines: codeLines(from, to) - elsewhere }
  })
  return measured
}

function endOf(start: number, indents: ReadonlyArray<number | undefined>): number {
  const own = indents[start]!
  const end = indents.findIndex((indent, index) => index > start && indent !== undefined && indent <= own)
  return end < 0 ? indents.length - 1 : end
}

/** A function whose parameters stand on lines of their own has its name where they begin. */
function nameOf(
  index: number,
  lines: ReadonlyArray<string>,
  indents: ReadonlyArray<number | undefined>,
): string | undefined {
  let head = index
  while (/^\s*[)}\]]/.test(lines[head]!)) {
    const before = indents.slice(0, head).findLastIndex((indent) => indent !== undefined && indent <= indents[index]!)
    if (before < 0) break
    head = before
  }
  return names.map((name) => name.exec(lines[head]!)?.[1]).find((name) => name !== undefined)
}
