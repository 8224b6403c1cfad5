// npm run check: everything that can be said about the source without running it. Exit 1 when any step fails.
//
//   npm run check                      all steps, in parallel
//   npm run check -- --only types,tidy some of them
import os from "node:os"
import { parseArgs } from "node:util"
import { checks } from "./support/checks.mjs"
import { Refusal, script } from "./support/process.mjs"

function chosen(names) {
  const wanted = names.flatMap((name) => name.split(","))
  for (const name of wanted) {
    if (!checks.some((check) => check.name === name)) {
      throw new Refusal(`no step ${name}; there are: ${checks.map((check) => check.name).join(", ")}`)
    }
  }
  return wanted.length === 0 ? checks : checks.filter((check) => wanted.includes(check.name))
}

async function result(check) {
  try {
    return await check.start()
  } catch (error) {
    if (error instanceof Refusal) return { code: 1, output: error.message, ms: 0 }
    throw error
  }
}

function show(check, { code, output, ms }) {
  const line = `${code === 0 ? "ok    " : "FAILED"} ${check.name.padEnd(15)}${(ms / 1000).toFixed(1).padStart(6)} s`
  console.log(`${line}  ${check.what}`)
  if (code !== 0) console.log(`${output.trimEnd()}\n--- end of ${check.name}, exit ${code}`)
}

await script(async (args) => {
  const { values } = parseArgs({
    args,
    options: { only: { type: "string", multiple: true, default: [] }, help: { type: "boolean" } },
  })
  if (values.help) {
    console.log("npm run check [-- --only <step>[,<step>]]\n")
    for (const check of checks) console.log(`  ${check.name.padEnd(16)}${check.what}`)
    return 0
  }
  const started = performance.now()
  const waiting = [...chosen(values.only)]
  const total = waiting.length
  const failed = []
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const outcome = await result(check)
      show(check, outcome)
      if (outcome.code !== 0) failed.push(check.name)
    }
  }
  // One more than the cores: each step waits for the disk at its start.
  await Promise.all(Array.from({ length: os.availableParallelism() + 1 }, worker))
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const verdict = failed.length === 0 ? "all passed" : `${failed.length} failed (${failed.join(", ")})`
  console.log(`${total} steps in ${seconds} s: ${verdict}`)
  return failed.length === 0 ? 0 : 1
})
