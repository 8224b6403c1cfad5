// npm run chaos: the service's way of carrying events, under faults. Ends with a table; exit 1 when anything is amiss.
//
//   npm run chaos                            every fault, one after the other
//   npm run chaos -- broker-kill zombie      some
//   npm run chaos -- --seed 7 --seconds 30   drawn from another seed; each over within so many seconds
//   npm run chaos -- --json                  and one JSON line per fault
//   npm run chaos -- --node                  on Node instead of Deno
//   npm run chaos -- --help                  lists the faults
import path from "node:path"
import { parseArgs } from "node:util"
import { columns, listed } from "./support/listed.mjs"
import { node, Refusal, run, script, tool } from "./support/process.mjs"

const folder = path.join("test", "chaos", "scenarios")

const options = {
  seed: { type: "string" },
  seconds: { type: "string" },
  json: { type: "boolean", default: false },
  node: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
}

const usage = (faults) => [
  "npm run chaos [-- [<fault>…] [options]]; without a fault, all of them one after the other",
  "",
  ...columns([
    {
      name: "--seed <text>",
      says: "What is left to chance is drawn from it; every run prints its own (default: another one each time).",
    },
    {
      name: "--seconds <n>",
      says: "Within how many seconds each fault and the way back have to be over (default 60).",
    },
    { name: "--json", says: "Print one JSON line per fault as well." },
    { name: "--node", says: "Run on Node instead of Deno." },
  ]),
  "",
  ...columns(faults),
]

/** What is no option, or has no value that can be used, is the user's to mend. */
function optionsIn(args) {
  try {
    const { values, positionals } = parseArgs({ args: withValues(args), allowPositionals: true, options })
    if (values.seconds !== undefined && !(/^\d{1,5}$/.test(values.seconds) && Number(values.seconds) >= 1)) {
      throw new Refusal(`--seconds: expected a whole number from 1 to 99999, got ${JSON.stringify(values.seconds)}`)
    }
    return { values, positionals }
  } catch (error) {
    if (!String(error.code).startsWith("ERR_PARSE_ARGS")) throw error
    throw new Refusal(`${error.message.split(/[.\n]/)[0]} (npm run chaos -- --help lists what there is)`)
  }
}

/** `--seconds -4` as `--seconds=-4`: its value is the next word, whatever it looks like. */
function withValues(args) {
  const [first, second, ...others] = args
  if (first === undefined) return []
  if (second === undefined || !["--seed", "--seconds"].includes(first)) return [first, ...withValues(args.slice(1))]
  return [`${first}=${second}`, ...withValues(others)]
}

await script(async (args) => {
  const { values, positionals } = optionsIn(args)
  const faults = listed(folder, ".ts")
  if (values.help) {
    console.log(usage(faults).join("\n"))
    return 0
  }
  for (const name of positionals) {
    if (!faults.some((fault) => fault.name === name)) {
      throw new Refusal(`no fault ${name}; there are: ${faults.map((fault) => fault.name).join(", ")}`)
    }
  }
  const names = positionals.length === 0 ? faults.map(({ name }) => name) : positionals
  const given = [
    ...(values.seed === undefined ? [] : [`--seed=${values.seed}`]),
    ...(values.seconds === undefined ? [] : ["--seconds", values.seconds]),
    ...(values.json ? ["--json"] : []),
  ]
  const main = path.join("test", "chaos", "main.ts")
  const [command, before] = values.node ? [node(), []] : [tool("deno"), ["run", "-A"]]
  const { code, output } = await run(command, [...before, main, ...names, ...given], { show: true })
  if (output !== "") console.error(output)
  return code
})
