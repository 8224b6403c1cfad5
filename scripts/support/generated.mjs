/**
 * The generated files, each as a function from the source to `{ path, text }` for every file it owns, or to the reason
 * why it cannot be made yet. Nothing here writes to the project.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { Refusal, root, run, tool } from "./process.mjs"

const exists = (file) => fs.existsSync(path.join(root, file))

/** Every file below a folder, as paths from the project's root. */
export function filesBelow(folder, from = root) {
  const files = fs.readdirSync(path.join(from, folder), { recursive: true, withFileTypes: true })
  return files.filter((entry) => entry.isFile())
    .map((entry) => path.relative(from, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}

/** The folder that belongs to buf alone: a file there that buf does not make is stale. */
export const protoFolder = "schemas/gen"

async function protobuf() {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "tipstream-generate-"))
  try {
    // buf.gen.yaml says `out: ../gen`, from schemas/proto; here that is from this folder's schemas/proto.
    const made = await run(tool("buf"), [
      "generate",
      "schemas/proto",
      "--template",
      "schemas/proto/buf.gen.yaml",
      "--output",
      path.join(temporary, "schemas/proto"),
    ])
    if (made.code !== 0) throw new Refusal(`buf generate failed:\n${made.output}`)
    return filesBelow(protoFolder, temporary)
      .map((file) => ({ path: file, text: fs.readFileSync(path.join(temporary, file), "utf8") }))
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true })
  }
}

async function described(what) {
  const printed = await run(tool("deno"), [
    "run",
    "--no-prompt",
    "--allow-read",
    "--allow-env",
    "--allow-sys",
    "scripts/support/describe.mjs",
    what,
  ], { env: { NO_COLOR: "1" } })
  if (printed.code !== 0) throw new Refusal(`${what}: the source could not be loaded:\n${printed.output}`)
  return printed.stdout
}

async function openapi() {
  if (!exists("src/http/Api.ts")) return "src/http/Api.ts does not exist yet"
  return [{ path: "schemas/openapi.json", text: await described("openapi") }]
}

/** A cell may hold anything but what ends it. */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")

function row({ name, unit, byDefault, doc, bound }) {
  const cells = [`\`${name}\``, unit === undefined ? byDefault : `${byDefault} ${unit}`, bound ?? "", doc]
  return `| ${cells.map(cell).join(" | ")} |`
}

const markers = ["<!-- settings:start -->", "<!-- settings:end -->"]

/** The README with the table between the markers; refuses when they are not there exactly once, in order. */
export function withSettings(readme, settings) {
  const [before, rest, ...more] = readme.split(markers[0])
  const [, after, ...evenMore] = (rest ?? "").split(markers[1])
  if (after === undefined || more.length + evenMore.length > 0) {
    throw new Refusal(`README.md must hold ${markers[0]} and then ${markers[1]}, once each`)
  }
  const table = ["| setting | default | bound | meaning |", "| --- | --- | --- | --- |", ...settings.map(row)]
  return `${before}${markers[0]}\n${table.join("\n")}\n${markers[1]}${after}`
}

async function readme() {
  for (const file of ["src/config.ts", "README.md"]) if (!exists(file)) return `${file} does not exist yet`
  const text = fs.readFileSync(path.join(root, "README.md"), "utf8")
  return [{ path: "README.md", text: withSettings(text, JSON.parse(await described("settings"))) }]
}

export const generators = [
  { name: "protobuf code", make: protobuf },
  { name: "OpenAPI document", make: openapi },
  { name: "settings table", make: readme },
]
