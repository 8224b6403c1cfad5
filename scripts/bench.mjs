// npm run bench: the benchmarks, run by Deno as the service is.
//
//   npm run bench                    lists them
//   npm run bench <name> [options]   runs one, its options handed on
//   npm run bench all                runs every one
import { columns, listed } from "./support/listed.mjs"
import { Refusal, run, script, tool } from "./support/process.mjs"

const ending = ".bench.ts"

function usage(benches) {
  console.log("npm run bench <name> [options], or npm run bench all\n")
  for (const line of columns(benches)) console.log(line)
  if (benches.length === 0) console.log("  there are no benchmarks yet (bench/*.bench.ts)")
}

await script(async ([name, ...options]) => {
  const benches = listed("bench", ending)
  if (name === undefined || name === "--help" || name === "-h") {
    usage(benches)
    return 0
  }
  const chosen = name === "all" ? benches : benches.filter((bench) => bench.name === name)
  if (chosen.length === 0) {
    throw new Refusal(`no benchmark ${name}; there are: ${benches.map((bench) => bench.name).join(", ") || "none"}`)
  }
  let failed = 0
  for (const bench of chosen) {
    const args = ["run", "-A", `bench/${bench.name}${ending}`, ...options]
    const { code, output } = await run(tool("deno"), args, { show: true })
    if (code === 0) continue
    failed++
    console.error(`${output}bench ${bench.name} ended with exit ${code}`)
  }
  return failed === 0 ? 0 : 1
})
