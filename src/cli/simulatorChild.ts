/**
 * The simulated Todoist as a process of its own, for the demo: the service reaches it over HTTP like the real one.
 * It ends when its standard input does, so it never outlives the service, however that ends.
 */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import path from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { Effect, Redacted } from "effect"
import { hostTimeZone } from "../http/authentication.ts"
import { CannotStart } from "./problem.ts"
import { isDeno, projectRoot } from "./runtime.ts"

export interface RunningSimulator {
  readonly url: string
  readonly token: string
  /** The app it knows us as. */
  readonly client: { readonly id: string; readonly secret: Redacted.Redacted<string> }
}

/** Its own start takes a tenth of a second; this long means it will not come. */
const readyMaxMs = 15_000
const stopMaxMs = 3_000

/** Runs until the scope ends. What it says meanwhile is logged, also that it ended by itself. */
export const start = Effect.fn("SimulatorChild.start")(function* (dataDir: string) {
  const child = yield* Effect.acquireRelease(Effect.sync(() => launch(dataDir)), stop)
  const simulator = yield* firstLine(child).pipe(
    Effect.timeoutOrElse({
      duration: readyMaxMs,
      orElse: () => Effect.fail(cannot("it does not say that it is ready")),
    }),
  )
  yield* report(child)
  return simulator
})

/** Has it send webhooks to us, as an app's owner enters an address at Todoist. */
export const sendWebhooksTo = (simulator: RunningSimulator, address: string) =>
  Effect.tryPromise(() =>
    fetch(`${simulator.url}/_sim/clients`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id: simulator.client.id, webhookUrl: `${address}/webhooks/todoist` }),
    }).then((response) => response.ok ? undefined : Promise.reject(new Error(`status ${response.status}`)))
  ).pipe(
    Effect.timeout(readyMaxMs),
    Effect.catch((error) => Effect.logWarning(`the simulator sends no webhooks: ${error.message}`)),
  )

const launch = (dataDir: string): ChildProcess => {
  const script = path.join(projectRoot, "simulator/main.ts")
  const folder = path.resolve(dataDir)
  const allow = ["run", "--no-prompt", "--allow-net=127.0.0.1", `--allow-read=${folder}`, `--allow-write=${folder}`]
  const state = path.join(folder, "simulator.json")
  const zone = ["--time-zone", hostTimeZone() ?? "UTC"]
  const options = ["--port", "0", "--live", "--with-parent", "--state", state, ...zone]
  // In a group of its own: Ctrl-C at the terminal is the service's to handle, which still needs this one to drain.
  // With an environment of its own, because it needs none of our secrets.
  return spawn(process.execPath, [...(isDeno ? allow : []), script, ...options], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    env: {},
  })
}

/** Enough for the reason why it ended. */
const problemMaxChars = 2_000

const firstLine = (child: ChildProcess) =>
  Effect.callback<RunningSimulator, CannotStart>((resume) => {
    let problem = ""
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => problem = (problem + chunk).slice(-problemMaxChars))
    // It may be gone before we close its input.
    child.stdin!.on("error", () => {})
    createInterface({ input: child.stdout! }).once("line", (line) => resume(readReady(line)))
    child.once("error", (error) => resume(Effect.fail(cannot(error.message))))
    child.once("close", () => resume(Effect.fail(cannot(problem.trim()))))
  })

const readReady = (line: string): Effect.Effect<RunningSimulator, CannotStart> =>
  Effect.try({ try: () => JSON.parse(line) as ReadyLine, catch: () => cannot("it says something else than that") })
    .pipe(
      Effect.map(({ url, token, clientId, clientSecret }) => ({
        url,
        token,
        client: { id: clientId, secret: Redacted.make(clientSecret, { label: "client secret of the simulator" }) },
      })),
    )

type ReadyLine = Readonly<Record<"url" | "token" | "clientId" | "clientSecret", string>>

const report = Effect.fnUntraced(function* (child: ChildProcess) {
  const log = Effect.runForkWith(yield* Effect.context<never>())
  let stopping = false
  yield* Effect.addFinalizer(() => Effect.sync(() => stopping = true))
  createInterface({ input: child.stderr! }).on("line", (line) => log(Effect.logWarning(line)))
  child.once("exit", (code, signal) => {
    if (stopping) return
    log(Effect.logError(`the Todoist simulator ended by itself (${signal ?? code}): start tipstream again to sync`))
  })
})

const cannot = (problem: string) =>
  new CannotStart({ lines: [`the Todoist simulator cannot start: ${problem.replace(/^simulator: /, "")}`] })

const stop = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.stdin!.end()
  }).pipe(
    Effect.timeoutOption(stopMaxMs),
    // It writes its state on the way out; one that hangs has written what it could.
    Effect.tap((ended) => Effect.sync(() => ended._tag === "None" && child.kill("SIGKILL"))),
    Effect.asVoid,
  )
