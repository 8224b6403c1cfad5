// npm run generate: makes every generated file from its source.
//
//   npm run generate               writes what changed
//   npm run generate -- --check    writes nothing; exit 1 naming each stale file
import fs from "node:fs"
import path from "node:path"
import { parseArgs } from "node:util"
import { filesBelow, generators, protoFolder } from "./support/generated.mjs"
import { Refusal, root, run, script } from "./support/process.mjs"

const read = (file) => fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined

/** The first lines that differ, for the reader of a red check. */
async function difference(file, text) {
  const temporary = fs.mkdtempSync(path.join(root, "node_modules", ".generate-"))
  try {
    const fresh = path.join(temporary, path.basename(file))
    fs.writeFileSync(fresh, text)
    const shown = await run("git", ["diff", "--no-index", "--no-color", "--unified=1", "--", file, fresh])
    return shown.output.split("\n").slice(4, 24).map((line) => line.slice(0, 160)).join("\n")
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true })
  }
}

async function check(files) {
  let stale = 0
  for (const { path: file, text } of files) {
    const now = read(path.join(root, file))
    if (now === text) continue
    stale++
    console.log(`STALE  ${file}${now === undefined ? " is missing" : `\n${await difference(file, text)}`}`)
  }
  return stale
}

function write(files) {
  for (const { path: file, text } of files) {
    const full = path.join(root, file)
    if (read(full) === text) continue
    fs.mkdirSync(path.dirname(full), { recursive: true })
    fs.writeFileSync(full, text)
    console.log(`wrote  ${file}`)
  }
}

/** Files in buf's folder that no .proto makes any more. */
function leftovers(files) {
  const made = new Set(files.map((file) => file.path))
  return fs.existsSync(path.join(root, protoFolder)) ? filesBelow(protoFolder).filter((file) => !made.has(file)) : []
}

await script(async (args) => {
  const { values } = parseArgs({ args, options: { check: { type: "boolean", default: false } } })
  const results = await Promise.allSettled(generators.map((generator) => generator.make()))
  let wrong = 0
  const files = []
  for (const [index, result] of results.entries()) {
    const { name } = generators[index]
    if (result.status === "rejected") {
      if (!(result.reason instanceof Refusal)) throw result.reason
      wrong++
      console.log(`FAILED ${name}: ${result.reason.message}`)
    } else if (typeof result.value === "string") console.log(`skip   ${name}: ${result.value}`)
    else files.push(...result.value)
  }
  const protobufMade = results[0].status === "fulfilled"
  for (const file of protobufMade ? leftovers(files) : []) {
    if (values.check) wrong++
    else fs.rmSync(path.join(root, file))
    console.log(`${values.check ? "STALE " : "removed"} ${file}: no .proto makes it`)
  }
  if (values.check) wrong += await check(files)
  else write(files)
  if (wrong === 0) console.log(`${files.length} generated files are up to date`)
  else if (values.check) console.log("run npm run generate, and commit what it writes")
  return wrong === 0 ? 0 : 1
})
