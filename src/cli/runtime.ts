/** What runs this: name and version of the runtime, and how to start another script on it. */
import { readFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

const deno = (globalThis as { Deno?: { version: { deno: string } } }).Deno

export const isDeno = deno !== undefined
export const runtimeName = deno === undefined ? `Node ${process.versions.node}` : `Deno ${deno.version.deno}`

export const projectRoot = fileURLToPath(new URL("../..", import.meta.url))

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }

export const version = manifest.version
