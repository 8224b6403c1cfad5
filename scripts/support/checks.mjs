/**
 * The steps of `npm run check`: what each runs, and from what it is made. A step passes when its command exits 0.
 */
import fs from "node:fs"
import path from "node:path"
import process from "node:process"
import { node, Refusal, root, run, tool } from "./process.mjs"

/** What `deno check` starts from: everything a user starts, and through its imports all that it runs. */
function denoEntryPoints() {
  const mains = ["src/main.ts", "simulator/main.ts"].filter((file) => fs.existsSync(path.join(root, file)))
  if (mains.length === 0) throw new Refusal("neither src/main.ts nor simulator/main.ts exists: nothing to check")
  const benches = fs.readdirSync(path.join(root, "bench")).filter((name) => name.endsWith(".bench.ts"))
  return [...mains, ...benches.map((name) => `bench/${name}`)]
}

export const baseline = "schemas/proto/released.binpb"

function protoBreaking() {
  if (!fs.existsSync(path.join(root, baseline))) {
    throw new Refusal(`${baseline} is missing, so nothing could be compared: run node scripts/release-contract.mjs`)
  }
  return run(tool("buf"), ["breaking", "schemas/proto", "--against", baseline])
}

/** Ordered by how long they take: with few cores the long ones must not start last. */
export const checks = [
  { name: "types-deno", what: "deno check", start: () => run(tool("deno"), ["check", ...denoEntryPoints()]) },
  {
    name: "tidy",
    what: "folder rules, sizes, bans",
    start: () => run(node(), ["node_modules/vitest/vitest.mjs", "run", "--config=test/tidy.vitest.config.ts"]),
  },
  {
    name: "generated",
    what: "generated files fresh",
    start: () => run(process.execPath, ["scripts/generate.mjs", "--check"]),
  },
  { name: "types", what: "tsc", start: () => run(node(), ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "."]) },
  { name: "dead", what: "unused exports, files, packages", start: () => run(tool("knip"), ["--no-progress"]) },
  { name: "lint", what: "oxlint", start: () => run(tool("oxlint"), ["--deny-warnings"]) },
  { name: "format", what: "deno fmt", start: () => run(tool("deno"), ["fmt", "--check"]) },
  { name: "proto-lint", what: "buf lint", start: () => run(tool("buf"), ["lint", "schemas/proto"]) },
  { name: "proto-breaking", what: `buf breaking against ${baseline}`, start: protoBreaking },
]
