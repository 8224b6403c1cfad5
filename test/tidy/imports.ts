/**
 * The imports of a file: static, side-effect only, re-exports, `import()` (also as a type), `import.meta.resolve`,
 * `require` and `new URL("…", import.meta.url)`, whose target is reached as surely as an imported one.
 */
import type { Source } from "./source.ts"
import { lineAt } from "./source.ts"

export interface Import {
  readonly specifier: string
  readonly line: number
  /** Erased before it runs: `import type`, or nothing but `type` names in braces. */
  readonly isType: boolean
  /** `url` only names the file; it does not load it. */
  readonly kind: "static" | "dynamic" | "url"
  /** Undefined for a package; else the file it names, from the project's root. */
  readonly target: string | undefined
}

/** In masked code `from` directly before a string stands in import and export declarations only. */
const declarations = /\b(?:from|import)\s*(["'])/g
const calls = /(?:\bimport|\bimport\.meta\.resolve|\brequire(?:\.resolve)?)\s*\(\s*(["'`])/g
const urls = /\bnew\s+URL\s*\(\s*(["'`])/g
/** A specifier put together at run time: no rule can judge it. */
const computed = /\bimport\s*\(\s*(?!["'`\s])/g

export function importsOf(source: Source): ReadonlyArray<Import> {
  const { code } = source
  const found: Array<Import> = []
  for (const match of code.matchAll(declarations)) {
    found.push(importAt(source, match, "static", isTypeOnly(code, match.index)))
  }
  for (const match of code.matchAll(calls)) found.push(importAt(source, match, "dynamic", false))
  for (const match of code.matchAll(urls)) {
    const url = importAt(source, match, "url", false)
    const after = match.index + match[0].length + url.specifier.length + 1
    if (/^\s*,\s*import\.meta\.url\b/.test(code.slice(after, after + 200))) found.push(url)
  }
  return found
}

export function computedImportsOf(source: Source): ReadonlyArray<number> {
  return [...source.code.matchAll(computed)].map((match) => lineAt(source.code, match.index))
}

function importAt(source: Source, match: RegExpExecArray, kind: Import["kind"], isType: boolean): Import {
  const from = match.index + match[0].length
  const specifier = source.text.slice(from, source.text.indexOf(match[1]!, from))
  return {
    specifier,
    kind,
    isType,
    line: lineAt(source.code, match.index),
    target: /^\.{1,2}\//.test(specifier) ? resolved(source.path, specifier) : undefined,
  }
}

function isTypeOnly(code: string, fromAt: number): boolean {
  const before = code.slice(0, fromAt)
  const start = Math.max(before.lastIndexOf("import"), before.lastIndexOf("export"))
  const clause = start < 0 ? "" : before.slice(start)
  if (/^(?:import|export)\s+type\b(?!\s*$)/.test(clause)) return true
  const names = /^(?:import|export)\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]?.split(",").filter((name) =>
    name.trim() !== ""
  )
  return names !== undefined && names.length > 0 && names.every((name) => /^\s*type\s+\w/.test(name))
}

/** Joins and normalises; a path that leaves the project keeps its `../`. */
function resolved(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1)
  for (const part of specifier.split("/")) {
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop()
    else if (part !== "." && part !== "") parts.push(part)
  }
  return parts.join("/")
}
