/** Runs `embeddedPostgresService.ts` as a process of its own, on the runtime the test runs on. */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

export interface ServiceProcess {
  readonly pid: number
  /** The next fact it prints that has this key; fails with what it wrote when it ends before. */
  readonly fact: (key: string) => Promise<Readonly<Record<string, string | number>>>
  /** To the process itself. */
  readonly kill: (signal: NodeJS.Signals) => void
  /** To its process group, as a terminal does. */
  readonly killGroup: (signal: NodeJS.Signals) => void
  readonly ended: Promise<void>
}

const project = fileURLToPath(new URL("../..", import.meta.url))
const fixture = path.join(project, "test", "support", "embeddedPostgresService.ts")

/** Under Deno with the permissions that `EmbeddedPostgres.ts` names, and the environment postgres.js reads. */
const command = (dataDir: string): ReadonlyArray<string> => {
  if (!("deno" in process.versions)) return [process.execPath, fixture, dataDir]
  const read = `--allow-read=${project},${dataDir}`
  const permissions = [read, `--allow-write=${dataDir}`, "--allow-run=/bin/sh", "--allow-net=127.0.0.1"]
  return [process.execPath, "run", "--no-prompt", ...permissions, "--allow-env=NODE_V8_COVERAGE,PG*", fixture, dataDir]
}

/** `prefix` goes before the command, as to run it under another user. */
export const spawnService = (dataDir: string, prefix: ReadonlyArray<string> = []): ServiceProcess => {
  const [program = "", ...args] = [...prefix, ...command(dataDir)]
  // Detached: its own process group, so that a test can signal all of it.
  const child = spawn(program, args, { cwd: project, stdio: ["ignore", "pipe", "pipe"], detached: true })
  const lines: Array<string> = []
  let errors = ""
  let partial = ""
  let over = false
  const waiting = new Set<() => void>()
  const wake = () => waiting.forEach((look) => look())
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (partial + chunk).split("\n")
    partial = parts.pop() ?? ""
    lines.push(...parts)
    wake()
  })
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => errors += chunk)
  const ended = new Promise<void>((resolve) => child.on("close", () => (over = true, wake(), resolve())))

  const fact: ServiceProcess["fact"] = (key) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = lines.map((line) => JSON.parse(line)).find((line) => key in line)
        if (found === undefined && !over) return
        waiting.delete(look)
        if (found === undefined) reject(new Error(`ended without "${key}": ${lines.join("\n")}\n${errors}`))
        else resolve(found)
      }
      waiting.add(look)
      look()
    })
  const signal = (pid: number) => (name: NodeJS.Signals) => void process.kill(pid, name)
  return { pid: child.pid ?? 0, fact, kill: signal(child.pid ?? 0), killGroup: signal(-(child.pid ?? 0)), ended }
}

export const isRoot = process.getuid?.() === 0

const readAnything = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]

/** Runs what follows as another user who may read everything, so that the checkout may lie anywhere. */
export const asNobody = isRoot
  ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--securebits=+no_setuid_fixup", ...readAnything]
  : []

interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly state: string
}

/** From `/proc` (proc(5), fields 3 and 4 of `stat`): a bare Debian has no `ps`. Elsewhere from `ps`. */
const processes = (): ReadonlyArray<ProcessRow> => {
  if (!existsSync("/proc/self/stat")) {
    const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" })
    return stdout.trim().split("\n").map((line) => rowOf(...line.trim().split(/\s+/) as [string, string, string]))
  }
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    const [state = "", parent = ""] = statFieldsAfterName(pid)
    return state === "" ? [] : [rowOf(pid, parent, state)]
  })
}

const rowOf = (pid: string, parent: string, state: string) => ({ pid: Number(pid), parent: Number(parent), state })

/** The name is in brackets and may hold anything, so the fields are counted from the last of them. */
const statFieldsAfterName = (pid: string): ReadonlyArray<string> => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  } catch {
    return [] // it has ended since the folder was listed
  }
}

/** Whether a process with this pid is there, a zombie not counted. */
export const isRunning = (pid: number): boolean =>
  processes().some((row) => row.pid === pid && !row.state.startsWith("Z") && !row.state.startsWith("X"))

export const parentOf = (pid: number): number => processes().find((row) => row.pid === pid)?.parent ?? 0

export const childrenOf = (pid: number): ReadonlyArray<number> =>
  processes().filter((row) => row.parent === pid).map((row) => row.pid)

/** Polls, because the processes are not ours to be told about. */
export const until = async (condition: () => boolean, withinMs = 10_000): Promise<boolean> => {
  const deadline = Date.now() + withinMs
  while (!condition()) {
    if (Date.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}
