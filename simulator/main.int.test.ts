import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { afterAll, afterEach, describe, expect, it } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "simulator-"))
const entry = join(import.meta.dirname, "main.ts")
const started: Array<ChildProcess> = []

/** On Deno with just the rights the documentation names. */
const run = (...args: ReadonlyArray<string>) => {
  const rights = ["run", "--no-prompt", "--allow-net=127.0.0.1", `--allow-read=${folder}`, `--allow-write=${folder}`]
  const before = process.versions["deno"] === undefined ? [] : rights
  const child = spawn(process.execPath, [...before, entry, ...args], { stdio: "pipe" })
  started.push(child)
  return child
}

const finished = async (child: ChildProcess): Promise<{ readonly code: number | null; readonly said: string }> => {
  let said = ""
  child.stderr?.on("data", (chunk: Buffer) => said += chunk.toString())
  const [code] = await once(child, "close")
  return { code, said }
}

type Ready = {
  readonly url: string
  readonly token: string
  readonly clientId: string
  readonly clientSecret: string
}

const readyLine = async (child: ChildProcess): Promise<Ready> => {
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line)
  throw new Error("it ended without listening")
}

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL")
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("simulator process", () => {
  it("says it is ready, and on SIGTERM writes its state and ends with 0 despite a held reply", async () => {
    const state = join(folder, "state.json")
    const child = run("--port", "0", "--state", state, "--live", "--live-interval-ms", "50")
    const { url, token } = await readyLine(child)
    expect(token).toBe("sim-demo-token")
    await fetch(`${url}/_sim/faults`, { method: "POST", body: '{"fault":"slow","delayMs":60000}' })
    const held = fetch(`${url}/api/v1/user`, { headers: { authorization: `Bearer ${token}` } }).catch(() => "cut")
    await expect.poll(async () => (await fetch(`${url}/_sim/requests`)).text()).toContain("/api/v1/user")
    const end = finished(child)
    // Not `child.kill`: after it Deno reports the signal even where the process ended by itself with a code.
    process.kill(child.pid!, "SIGTERM")
    expect(await end).toEqual({ code: 0, said: "" })
    expect(await held).toBe("cut")
    expect(JSON.parse(readFileSync(state, "utf8"))).toMatchObject({ format: 1, complete: true })
  })

  it("says its OAuth app when ready, takes switches, and lists them with their source", async () => {
    const { url, clientId, clientSecret } = await readyLine(run("--port", "0", "--switch", "secondClose=error"))
    const { clients } = await (await fetch(`${url}/_sim/clients`)).json() as { clients: ReadonlyArray<object> }
    expect(clients).toMatchObject([{ id: clientId, secret: clientSecret }])
    expect(await (await fetch(`${url}/_sim/switches`)).json()).toMatchObject({
      switches: { secondClose: "error", projectDelete: "tombstones" },
      table: { secondClose: { source: "assumed" } },
    })
    expect(await (await fetch(`${url}/_sim/health`)).json()).toMatchObject({ status: "ok" })
    const help = run("--help")
    let said = ""
    help.stdout?.on("data", (chunk: Buffer) => said += chunk.toString())
    expect((await finished(help)).code).toBe(0)
    expect(said).toContain("secondClose: ok | error (default ok, assumed)")
  })

  it("ends when its parent does", async () => {
    const child = run("--port", "0", "--with-parent")
    await readyLine(child)
    const end = finished(child)
    child.stdin?.end()
    expect((await end).code).toBe(0)
  })

  it("a port in use is one line saying what to do", async () => {
    const { url } = await readyLine(run("--port", "0"))
    const { code, said } = await finished(run("--port", new URL(url).port))
    expect(code).toBe(1)
    expect(said).toMatch(/^simulator: port \d+ is in use: .*--port.*\n$/)
  })

  it("a corrupt state file is one line, and the file stays", async () => {
    const state = join(folder, "corrupt.json")
    writeFileSync(state, "not json")
    const { code, said } = await finished(run("--port", "0", "--state", state))
    expect([code, said]).toEqual([1, expect.stringMatching(/^simulator: .*corrupt\.json is not JSON: .*\n$/)])
    expect(readFileSync(state, "utf8")).toBe("not json")
  })

  it.each([
    ["--port", "http"],
    ["--time-zone", "Mars/Olympus"],
    ["--fault-rate", "{"],
    ["--fault-rate", '{"418":1}'],
    ["--switch", "secondClose=maybe"],
    ["--switch", "secondClose"],
    ["--nonsense"],
  ])("%s %s is one line", async (...args) => {
    const { code, said } = await finished(run(...args))
    expect([code, said]).toEqual([1, expect.stringMatching(/^simulator: .*--help.*\n$/)])
  })
})
