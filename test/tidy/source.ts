/**
 * What the rules look at, a file of the project as text, and what they give back: where it breaks a rule and how to
 * mend it.
 */
import fs from "node:fs"
import path from "node:path"
import { mask } from "./mask.ts"

export interface Source {
  /** From the project's root, with `/`. */
  readonly path: string
  readonly text: string
  /** The text without comments and without what strings say (see mask.ts); the text itself when it is not a script. */
  readonly code: string
}

export interface Breach {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly rule: string
  /** What is wrong and how to mend it. */
  readonly mend: string
}

export function source(path: string, text: string): Source {
  return { path, text, code: isScript(path) ? mask(text) : text }
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length
}

export const isScript = (path: string) => /\.(?:ts|mts|js|mjs)$/.test(path)

/** Tests, and what only tests use. */
export const isTest = (path: string) => /^test\/|\.(?:test|contract|fixture)\.(?:ts|mjs)$|\/fixtures\//.test(path)

/** Written by a machine, or kept as another system sent it: its style is not ours. */
export const isForeign = (path: string) =>
  /^schemas\/(?:gen\/|openapi\.json$)|(?:^|\/)(?:fixtures|golden)\/|^package-lock\.json$/.test(path)

const skippedFolders = new Set(["node_modules", ".git", ".data", "coverage"])
const textual = /\.(?:ts|mts|js|mjs|json|md|yaml|yml|proto|sql|css|html|sh|toml|svg|txt)$/
const textualName = /(?:^|\/)(?:run|tipstream|Dockerfile[^/]*|\.[a-z]+(?:rc|ignore))$/
const isText = (path: string) => textual.test(path) || textualName.test(path)

/** Every text file of the project below `root`. */
export function sourcesOf(root: string, folder = ""): ReadonlyArray<Source> {
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === "" ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : sourcesOf(root, name)
    return entry.isFile() && isText(name) ? [source(name, fs.readFileSync(path.join(root, name), "utf8"))] : []
  })
}
