/**
 * Puts HTTP load on a server from a process of its own, so that client and server share no event loop.
 */
import { spawn } from "node:child_process"
import fs from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { checkPlan, type LoadPlan, type LoadResult } from "./loadPlan.ts"

const program = fileURLToPath(new URL("./generateLoad.ts", import.meta.url))
const bundledNode = fileURLToPath(new URL("../../node_modules/.bin/node", import.meta.url))

/** Node's sockets cost the least; without it, whatever runs this benchmark. */
function command(): readonly [string, ...ReadonlyArray<string>] {
  if (fs.existsSync(bundledNode)) return [bundledNode, program]
  const onDeno = process.versions["deno"] !== undefined
  return onDeno ? [process.execPath, "run", "-A", program] : [process.execPath, program]
}

/**
 * Rejects when a single request failed: a rate made of refusals says nothing. It returns within the plan's time and a
 * few seconds, whatever the server does.
 */
export async function load(plan: LoadPlan): Promise<LoadResult> {
  const result = await loadWithFailures(plan)
  if (result.failed === 0) return result
  const reasons = Object.entries(result.failures).map(([reason, times]) => `${reason} (${times} times)`)
  throw new Error(
    `load: ${result.failed} of ${result.failed + result.succeeded} requests failed: ${reasons.join(", ")}`,
  )
}

/** For benchmarks in which some requests are meant to fail: the caller looks at `failed` itself. */
export function loadWithFailures(plan: LoadPlan): Promise<LoadResult> {
  checkPlan(plan)
  const [file, ...args] = command()
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args, "--plan-on-stdin"], {
      stdio: ["pipe", "pipe", "pipe"],
      // It ends by itself well before; a client that hangs must not hang the benchmark.
      timeout: plan.warmupMs + plan.durationMs + 15_000,
      killSignal: "SIGKILL",
    })
    const output: Array<string> = []
    const errors: Array<string> = []
    child.stdout.setEncoding("utf8").on("data", (text: string) => output.push(text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text))
    child.stdin.on("error", () => {/* It ended before it read its plan: the exit code says so. */})
    child.on("error", reject)
    child.on("close", (code, signal) => {
      // JSON has no NaN: what was not measured comes as null.
      if (code === 0) resolve(JSON.parse(output.join(""), (_, value) => value ?? Number.NaN))
      else reject(new Error(`load: the client ended with ${code ?? signal}: ${errors.join("").trim()}`))
    })
    child.stdin.end(JSON.stringify(plan))
  })
}
