// npm test: every test on Node 24, then on Deno. The last line is `N passed, M failed`, over both.
//
//   npm test                          everything
//   npm test -- --deno src/streams    one runtime (--node or --deno), files whose path holds the text
//   npm test -- -t "outbox"           whatever else vitest understands is handed on to it
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { countsOf } from "./support/counts.mjs"
import { node, run, script, tool } from "./support/process.mjs"

const vitest = "node_modules/vitest/vitest.mjs"

const runtimes = {
  "--node": { name: "Node", command: node, args: [vitest, "run"] },
  // Vitest's other pools lose errors under Deno; forks are real Deno processes.
  "--deno": { name: "Deno", command: () => tool("deno"), args: ["run", "-A", vitest, "run", "--pool=forks"] },
}

function reportAt(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : undefined
}

async function runOn({ name, command, args }, more, folder) {
  const file = path.join(folder, `${name}.json`)
  console.log(`\n=== tests on ${name} ===`)
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`]
  const { code, ms, output } = await run(command(), [...args, ...reporters, ...more], { show: true })
  if (output !== "") console.log(output)
  return { name, ms, ...countsOf(reportAt(file), code) }
}

function summary({ name, passed, failed, skipped, ms, reasons }) {
  const counts = `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`
  return [`${name}: ${counts} (${(ms / 1000).toFixed(1)} s)`, ...reasons.map((reason) => `  ${reason}`)].join("\n")
}

await script(async (args) => {
  const picked = Object.keys(runtimes).filter((flag) => args.includes(flag))
  const more = args.filter((arg) => !(arg in runtimes))
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tipstream-test-"))
  const results = []
  try {
    for (const flag of picked.length === 0 ? Object.keys(runtimes) : picked) {
      results.push(await runOn(runtimes[flag], more, folder))
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  const sum = (key) => results.reduce((total, result) => total + result[key], 0)
  console.log(`\n${results.map(summary).join("\n")}`)
  console.log(`${sum("passed")} passed, ${sum("failed")} failed`)
  return sum("failed") === 0 ? 0 : 1
})
