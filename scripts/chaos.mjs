// npm run chaos: the service's way of carrying events, under faults. Ends with a table; exit 1 when anything is amiss.
//
//   npm run chaos                            every fault, one after the other
//   npm run chaos -- broker-kill zombie      some
//   npm run chaos -- --seed 7 --seconds 30   drawn from another seed; each over within so many seconds
//   npm run chaos -- --json                  and one JSON line per fault
//   npm run chaos -- --node                  on Node instead of Deno
//   npm run chaos -- --help                  lists the faults
import fs from "node:fs"
import path from "node:path"
import { parseArgs } from "node:util"
import { node, Refusal, root, run, script, tool } from "./support/process.mjs"

const folder = path.join("test", "chaos", "scenarios")

/** Name and first sentence of the header comment. */
function listed() {
  return fs.readdirSync(path.join(root, folder)).filter((file) => file.endsWith(".ts")).sort().map((file) => {
    const text = fs.readFileSync(path.join(root, folder, file), "utf8")
    const says = /^\/\*\*\s*\*?\s*([\s\S]*?[.:](?=\s)|[\s\S]*?(?=\*\/))/.exec(text)?.[1] ?? ""
    return { name: file.slice(0, -".ts".length), says: says.replace(/\s*\n\s*\*\s*/g, " ").trim() }
  })
}

function usage(faults) {
  console.log("npm run chaos [-- <fault>…] [--seed <text>] [--seconds <n>] [--json] [--node]\n")
  const width = Math.max(...faults.map(({ name }) => name.length))
  for (const { name, says } of faults) console.log(`  ${name.padEnd(width)}  ${says}`)
}

await script(async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seed: { type: "string" },
      seconds: { type: "string" },
      json: { type: "boolean", default: false },
      node: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  const faults = listed()
  if (values.help) {
    usage(faults)
    return 0
  }
  for (const name of positionals) {
    if (!faults.some((fault) => fault.name === name)) {
      throw new Refusal(`no fault ${name}; there are: ${faults.map((fault) => fault.name).join(", ")}`)
    }
  }
  const names = positionals.length === 0 ? faults.map(({ name }) => name) : positionals
  const options = [
    ...(values.seed === undefined ? [] : ["--seed", values.seed]),
    ...(values.seconds === undefined ? [] : ["--seconds", values.seconds]),
    ...(values.json ? ["--json"] : []),
  ]
  const main = path.join("test", "chaos", "main.ts")
  const [command, before] = values.node ? [node(), []] : [tool("deno"), ["run", "-A"]]
  const { code, output } = await run(command, [...before, main, ...names, ...options], { show: true })
  if (output !== "") console.error(output)
  return code
})
