/**
 * Child processes of the project's scripts: found in node_modules, started in their own process group, stopped with us.
 *
 * Plain JavaScript that Node 20 runs: the scripts are started by whatever `node` the user has, and start the
 * project's own runtimes (Deno, Node 24) themselves.
 */
import { spawn } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../../", import.meta.url))
const bin = path.join(root, "node_modules", ".bin")

/** After the first signal a child may drain for this long; a test run stops its Postgres in about a second. */
const graceMs = 8_000

/** What a child started may outlive it for this long: browsers and servers take a moment to see it gone. */
const leftoverMs = 2_000

/** Something the user has to do; shown without a stack. */
export class Refusal extends Error {}

/** A signal asked the script to end: unwinds it, so that its temporary files go too. */
class Stopped extends Error {}

/** The path of an installed tool. Refuses when `npm ci` has not been run. */
export function tool(name) {
  const file = path.join(bin, name)
  if (!fs.existsSync(file)) throw new Refusal(`node_modules/.bin/${name} is missing: run npm ci`)
  return file
}

/** Node ≥ 22.19, which runs this source as it stands: the bundled one, else the one that runs this script. */
export function node() {
  const bundled = path.join(bin, "node")
  if (fs.existsSync(bundled)) return bundled
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  if (process.versions.deno === undefined && (major > 22 || (major === 22 && minor >= 19))) return process.execPath
  throw new Refusal("no Node ≥ 22.19 here: the bundled one is for Linux x64 only, so start this script with your own")
}

const children = new Set()
let stopping = 0

/** Signals a child and all it started; 0 only asks. False when the whole group is gone. */
function signalGroup(child, signal) {
  try {
    return process.kill(-child.pid, signal)
  } catch (error) {
    if (error.code === "ESRCH") return false
    throw error
  }
}

/** Ends what a finished child left running: a runner that is interrupted does not stop its own workers. */
async function endGroup(child, patienceMs) {
  const until = performance.now() + patienceMs
  while (child.pid !== undefined && signalGroup(child, 0)) {
    if (performance.now() > until) return signalGroup(child, "SIGKILL")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}

/** On SIGINT and SIGTERM: all children are asked to end, and killed after the grace time or at a second signal. */
function stopChildrenOnSignals() {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]]) {
    process.on(signal, () => {
      stopping++
      process.exitCode = code
      if (children.size === 0) process.exit(code)
      for (const child of children) signalGroup(child, stopping > 1 ? "SIGKILL" : signal)
      setTimeout(() => {
        for (const child of children) signalGroup(child, "SIGKILL")
        process.exit(code)
      }, graceMs).unref()
    })
  }
}

/**
 * Runs a command from the project's root with node_modules/.bin first in PATH.
 *
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {{ cwd?: string, env?: Record<string, string>, show?: boolean }} options `show` passes output through.
 * @returns {Promise<{ code: number, output: string, stdout: string, ms: number }>} never rejects for a failing command:
 *   a signal counts as 128, a command that cannot start as 127 with the reason as its output.
 */
export function run(command, args, { cwd = root, env = {}, show = false } = {}) {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: {
        ...process.env,
        ...(show || process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
        PATH: `${bin}${path.delimiter}${process.env.PATH ?? ""}`,
        ...env,
      },
      stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
      // Its own group: a Ctrl-C reaches it once, through us, and stragglers can be killed with it.
      detached: true,
    })
    const output = []
    const stdout = []
    child.stdout?.on("data", (chunk) => {
      output.push(chunk)
      stdout.push(chunk)
    })
    child.stderr?.on("data", (chunk) => output.push(chunk))
    if (child.pid !== undefined) children.add(child)
    const done = async (code, text) => {
      const ms = performance.now() - started
      if (await endGroup(child, stopping > 0 ? graceMs : leftoverMs) && stopping === 0) {
        console.error(`${path.basename(command)} ended and left processes running; they were killed`)
      }
      children.delete(child)
      if (stopping > 0) reject(new Stopped())
      else resolve({ code, output: text, stdout: Buffer.concat(stdout).toString(), ms })
    }
    child.on("error", (error) => done(127, `${command}: ${error.message}`))
    child.on("close", (code) => done(code ?? 128, Buffer.concat(output).toString()))
  })
}

/** Runs a script's body; a refusal is one line on stderr and exit 1. */
export async function script(body) {
  stopChildrenOnSignals()
  try {
    process.exitCode = await body(process.argv.slice(2))
  } catch (error) {
    if (error instanceof Stopped) return
    console.error(error instanceof Refusal ? error.message : error)
    process.exitCode = 1
  }
}
