/** The simulator as a process of its own, on the runtime that runs the test, and its controls under `/_sim/`. */
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export interface SimulatorProcess {
  readonly url: string
  /** Of the demo account. */
  readonly token: string
  /** A control. Rejects when it is refused. */
  readonly control: <A>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown) => Promise<A>
  /** Makes an account with that many tasks and returns its token. */
  readonly account: (taskCount?: number) => Promise<string>
  readonly stop: () => Promise<void>
}

const entry = fileURLToPath(new URL("../../simulator/main.ts", import.meta.url))
/** On Deno with just the rights the documentation names. */
const before = process.versions["deno"] === undefined ? [] : ["run", "--no-prompt", "--allow-net=127.0.0.1"]

export const startSimulator = async (...args: ReadonlyArray<string>): Promise<SimulatorProcess> => {
  const options = ["--port", "0", "--time-zone", "Europe/Madrid", "--with-parent", ...args]
  const child = spawn(process.execPath, [...before, entry, ...options], { stdio: ["pipe", "pipe", "inherit"] })
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  const stop = () => {
    child.kill("SIGKILL")
    return ended
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const { url, token } = JSON.parse(line) as { readonly url: string; readonly token: string }
    const control = controlOf(url)
    const account = async (taskCount = 12) =>
      (await control<{ token: string }>("POST", "/_sim/accounts", { token: randomUUID(), taskCount })).token
    return { url, token, control, account, stop }
  }
  throw new Error("the simulator ended without listening")
}

const controlOf = (url: string): SimulatorProcess["control"] => async (method, path, body) => {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}
