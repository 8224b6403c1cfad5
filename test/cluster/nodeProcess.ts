/** Starts `node.ts` on the runtime that asks for it, and speaks with it. */
import { spawn } from "node:child_process"
import net from "node:net"
import path from "node:path"
import process from "node:process"
import readline from "node:readline"
import { fileURLToPath } from "node:url"
import type { Recorded } from "./recorder.ts"

export interface NodeOptions {
  readonly name: string
  readonly port: number
  readonly databaseUrl: string
  readonly askTimeoutMs: number
  readonly times: { readonly lockExpiryMs: number; readonly lockRefreshMs: number; readonly healthCheckMs: number }
}

export interface Ask {
  readonly call: number
  readonly user: string
  readonly request: string
  readonly workMs: number
}

type Answer = { readonly reply: typeof Recorded.Type } | { readonly failure: string }

export interface ClusterNode {
  readonly name: string
  readonly ready: Promise<void>
  readonly ask: (ask: Omit<Ask, "call">) => Promise<Answer>
  readonly signal: (name: NodeJS.Signals) => void
  readonly ended: Promise<number | null>
  readonly output: () => string
}

const program = fileURLToPath(new URL("node.ts", import.meta.url))
const project = fileURLToPath(new URL("../..", import.meta.url))

export const startNode = (options: NodeOptions): ClusterNode => {
  const runtimeArgs = "deno" in process.versions ? ["run", "-A", "--no-prompt"] : []
  const args = [...runtimeArgs, path.relative(project, program), JSON.stringify(options)]
  const child = spawn(process.execPath, args, { cwd: project, stdio: ["pipe", "pipe", "pipe"] })
  const calls = new Map<number, (answer: Answer) => void>()
  const ready = Promise.withResolvers<void>()
  let output = ""
  let last = 0
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => output += chunk)
  // Writing to a process that is being killed.
  child.stdin.on("error", () => {})
  readline.createInterface({ input: child.stdout }).on("line", (line) => {
    if (!line.startsWith("{")) return void (output += `${line}\n`)
    const fact = JSON.parse(line)
    if ("ready" in fact) return ready.resolve()
    calls.get(fact.call)?.(fact)
    calls.delete(fact.call)
  })
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const ended = new Promise<number | null>((resolve) =>
    child.once("close", (code) => {
      ready.reject(new Error(`${options.name} ended:\n${output}`))
      for (const answer of calls.values()) answer({ failure: "node ended" })
      calls.clear()
      resolve(code)
    })
  )
  ready.promise.catch(() => {})
  return {
    name: options.name,
    ready: ready.promise,
    ask: (ask) =>
      new Promise((resolve) => {
        if (isOver()) return resolve({ failure: "node ended" })
        const call = ++last
        calls.set(call, resolve)
        child.stdin.write(`${JSON.stringify({ call, ...ask })}\n`)
      }),
    signal: (name) => {
      if (!isOver() && child.pid !== undefined) process.kill(child.pid, name)
    },
    ended,
    output: () => output,
  }
}

/** Free a moment ago, which is all that can be known before a process listens there. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
