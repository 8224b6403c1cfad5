/**
 * The simulator as a process: `main.ts [options]`. Prints one JSON line when it listens, stops on SIGTERM and SIGINT
 * with exit code 0, and says in one line why it cannot start.
 */
import { parseArgs } from "node:util"
import process from "node:process"
import { faultNames, type Faults } from "./faults.ts"
import { defaultLiveIntervalMs, defaultPort, defaultToken, InvalidOption, runSimulator } from "./runSimulator.ts"
import { startProblem } from "./startProblem.ts"
import { readSwitches, type Switches, switchesHelp } from "./switches.ts"

const help = `A Todoist server for demos and tests: its API v1 under /api/v1, a page at /, controls under /_sim/.

  --port N                port on 127.0.0.1; 0 takes any free one (default ${defaultPort})
  --state FILE            keep the accounts in this file across restarts (default: in memory only)
  --seed TEXT             what the demo account is made from (default tipstream)
  --token TEXT            the demo account's API token (default ${defaultToken})
  --time-zone ZONE        IANA zone of the demo account when it is made (default: this machine's)
  --live                  let the demo account go on living
  --live-interval-ms N    time between two of its changes (default ${defaultLiveIntervalMs})
  --fault-rate JSON       probabilities, such as '{"429":0.05,"reset-after-commit":0.02}'
  --switch NAME=VALUE     a behaviour nobody outside Todoist knows for sure; may be given several times
  --with-parent           stop when standard input ends
  --help                  this text

  Switches, with what speaks for the default:
${switchesHelp()}

  Controls are JSON over HTTP; GET /_sim/ lists them all. For example:
    curl -d '{"fault":"429","times":3}' $url/_sim/faults
    curl -d '{"rates":{"reset-after-commit":0.1},"token":"$token"}' $url/_sim/faults
    curl -d '{"token":"$token","type":"item_add","args":{"content":"Call Sam"}}' $url/_sim/act
  Faults: ${faultNames.join(", ")}
`

const whole = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text)) throw new InvalidOption(`--${name} must be a whole number, not ${JSON.stringify(text)}`)
  return Number(text)
}

const rates = (text: string | undefined): Faults["rates"] | undefined => {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Faults["rates"]
  } catch {
    throw new InvalidOption('--fault-rate must be JSON such as {"429":0.05}')
  }
}

const switches = (texts: ReadonlyArray<string> | undefined): Partial<Switches> => {
  const pairs = (texts ?? []).map((text) => {
    const at = text.indexOf("=")
    if (at < 1) throw new InvalidOption("--switch must be NAME=VALUE")
    return [text.slice(0, at), text.slice(at + 1)] as const
  })
  const read = readSwitches(Object.fromEntries(pairs))
  if (typeof read === "string") throw new InvalidOption(read)
  return read
}

const readOptions = () =>
  parseArgs({
    options: {
      port: { type: "string" },
      state: { type: "string" },
      seed: { type: "string" },
      token: { type: "string" },
      "time-zone": { type: "string" },
      live: { type: "boolean" },
      "live-interval-ms": { type: "string" },
      "fault-rate": { type: "string" },
      switch: { type: "string", multiple: true },
      "with-parent": { type: "boolean" },
      help: { type: "boolean" },
    },
  }).values

const main = async (): Promise<void> => {
  let port: string = String(defaultPort)
  try {
    const values = readOptions()
    if (values.help === true) return void process.stdout.write(help)
    port = values.port ?? port
    const simulator = await runSimulator({
      port: whole("port", values.port),
      stateFile: values.state,
      seed: values.seed,
      token: values.token,
      timeZone: values["time-zone"],
      live: values.live,
      liveIntervalMs: whole("live-interval-ms", values["live-interval-ms"]),
      faultRates: rates(values["fault-rate"]),
      switches: switches(values.switch),
      warn: (line) => process.stderr.write(`${line}\n`),
    })
    const stop = () => void simulator.close().then(() => process.exit(0), fail)
    process.on("SIGTERM", stop)
    process.on("SIGINT", stop)
    if (values["with-parent"] === true) process.stdin.once("end", stop).once("close", stop).once("error", stop).resume()
    const { url, token, client: { id: clientId, secret: clientSecret } } = simulator
    process.stdout.write(`${JSON.stringify({ ready: true, url, token, clientId, clientSecret })}\n`)
  } catch (cause) {
    fail(cause, port)
  }
}

const fail = (cause: unknown, port = ""): void => {
  process.stderr.write(`simulator: ${startProblem(cause, port)}\n`)
  process.exit(1)
}

await main()
