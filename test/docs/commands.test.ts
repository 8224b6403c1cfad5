import fs from "node:fs"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { settings } from "../../src/config.ts"
import { anchors, blocks, documents, links, read, root, spans } from "./markdown.ts"

const manifest = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> }
const main = read("src/main.ts")
const api = JSON.parse(read("schemas/openapi.json")) as { readonly paths: Readonly<Record<string, object>> }

/** Everything in a document that is meant to be typed or is the name of something. */
const codeOf = (text: string): ReadonlyArray<string> => [...spans(text), ...blocks(text, "sh")]

/** All matches of the first group, in the code of every document. */
const mentioned = (pattern: RegExp): ReadonlyArray<string> =>
  documents.flatMap((file) => codeOf(read(file)).flatMap((code) => [...code.matchAll(pattern)].map((one) => one[1]!)))

const madeIn = (pattern: RegExp): ReadonlyArray<string> => [...main.matchAll(pattern)].map((one) => one[1]!)

/** The text of every file that may read a variable or name a code, by folder. */
const sourceOf = (folder: string): string =>
  fs.readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|mjs|proto)$/.test(file)).map((file) => read(path.join(folder, file))).join("\n")

describe("what the documents tell people to type", () => {
  it("npm scripts exist", () => {
    const scripts = [...mentioned(/\bnpm run ([a-z]+)/g), ...mentioned(/\bnpm (start|test)\b/g)]
    expect(scripts.length).toBeGreaterThan(0)
    expect(scripts.filter((name) => !(name in manifest.scripts))).toEqual([])
  })

  it("commands exist, and each is in the README", () => {
    // Made in the main file, or in one of its own that exports it.
    const exported = sourceOf("src/cli").matchAll(/export const \w+Command = [^{]*?Command\.make\(\s*"([a-z-]+)"/g)
    const made = [...madeIn(/Command\.make\(\s*"([a-z-]+)"/g), ...[...exported].map((one) => one[1]!)]
    const commands = made.filter((name) => name !== "tipstream")
    const typed = mentioned(/\bbin\/tipstream ([a-z-]+)/g)
    expect(commands.length).toBeGreaterThan(0)
    expect(typed.filter((name) => !commands.includes(name))).toEqual([])
    const readme = read("README.md")
    expect(commands.filter((name) => !readme.includes(`\`bin/tipstream ${name}\``))).toEqual([])
  })

  it("flags of the commands exist", () => {
    const made = `${main}\n${sourceOf("src/cli")}`.matchAll(/(?:Flag\.\w+|\btext)\(\s*"([a-z-]+)"/g)
    const flags = [...[...made].map((one) => one[1]!), "help", "version"]
    const lines = mentioned(/\bbin\/tipstream ([^\n#`]*)/g).flatMap((rest) => rest.match(/--[a-z-]+/g) ?? [])
    const alone = documents.flatMap((file) => spans(read(file))).filter((span) => /^--[a-z-]+$/.test(span))
    // npm's own.
    const foreign = ["--show", "--omit"]
    const unknown = [...lines, ...alone].filter((flag) => !flags.includes(flag.slice(2)) && !foreign.includes(flag))
    expect(unknown).toEqual([])
  })

  it("steps of npm run check exist", () => {
    const steps = mentioned(/\bnpm run check -- --only ([a-z,-]+)/g).flatMap((list) => list.split(","))
    const known = [...read("scripts/support/checks.mjs").matchAll(/name: "([a-z-]+)"/g)].map((one) => one[1]!)
    expect(steps.length).toBeGreaterThan(0)
    expect(steps.filter((step) => !known.includes(step))).toEqual([])
  })

  it("benchmarks exist", () => {
    const names = mentioned(/\bnpm run bench ([a-z][a-z-]*)/g)
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => !fs.existsSync(path.join(root, "bench", `${name}.bench.ts`)))).toEqual([])
  })

  it("names in capitals are settings, or stand in the source", () => {
    const source = ["src", "schemas/proto", "test/support", "scripts"].map(sourceOf).join("\n") + read("package.json")
    const known = new Set(settings.map(({ name }) => name))
    const several = mentioned(/(?<![\w$-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?!\w)/g)
    const single = documents.flatMap((file) => spans(read(file))).flatMap((span) =>
      /^([A-Z]{3,})(?:=|$)/.exec(span)?.[1] ?? []
    )
    // psql's, Node's and Deno's own.
    const foreign = ["ON_ERROR_STOP", "NODE_EXTRA_CA_CERTS", "DENO_CERT"]
    // Of RFC 5545, in the notes on calendars.
    const calendar = /^(V[A-Z]+|DTEND|DURATION|URL|CATEGORIES|R(RULE|DATE|ANGE)|EXDATE|UID|FREQ|BYHOUR)$/
    const names = new Set([...several, ...single].filter((name) => !foreign.includes(name) && !calendar.test(name)))
    expect(names).toContain("DATA_DIR")
    expect(names).toContain("PORT")
    const written = (name: string) => source.includes(`"${name}"`) || new RegExp(`^\\s+${name} = \\d`, "m").test(source)
    expect([...names].filter((name) => !known.has(name) && !written(name))).toEqual([])
  })

  it("every setting is in the table of the README", () => {
    const readme = read("README.md")
    expect(settings.map(({ name }) => name).filter((name) => !readme.includes(`| \`${name}\` |`))).toEqual([])
  })
})

describe("what the documents lead to", () => {
  it("links reach a file, and a heading where they name one", () => {
    const isBroken = (file: string, link: string): boolean => {
      const [target = "", anchor] = link.split("#")
      const full = target === "" ? file : path.join(path.dirname(file), target)
      if (!fs.existsSync(path.join(root, full))) return true
      return anchor !== undefined && !anchors(read(full)).includes(anchor)
    }
    const all = documents.flatMap((file) => links(read(file)).map((link) => [file, link] as const))
    expect(all.length).toBeGreaterThan(0)
    expect(all.filter(([file, link]) => isBroken(file, link))).toEqual([])
  })

  it("files and folders named in them exist", () => {
    const folders = fs.readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())
      .map(({ name }) => name).filter((name) => !name.startsWith("."))
    for (const file of documents) {
      const named = spans(read(file)).filter((span) =>
        /^[\w./-]+$/.test(span) && folders.some((folder) => span.startsWith(`${folder}/`))
      )
      for (const name of named) expect(fs.existsSync(path.join(root, name)), `${file}: ${name}`).toBe(true)
    }
  })

  it("HTTP routes exist", () => {
    const routes = mentioned(/^((?:GET|POST|DELETE) \/\S*)$/g)
    expect(routes.length).toBeGreaterThan(0)
    const known = Object.entries(api.paths).flatMap(([route, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${route}`)
    )
    expect(routes.filter((route) => !known.includes(route))).toEqual([])
  })

  it("every document is reached from the README", () => {
    const reached = new Set(["README.md"])
    for (const file of reached) {
      if (!file.endsWith(".md")) continue
      for (const link of links(read(file))) reached.add(path.join(path.dirname(file), link.split("#")[0]!))
    }
    const isReached = (file: string) => reached.has(file) || reached.has(`${path.dirname(file)}/`)
    expect(documents.filter((file) => !isReached(file))).toEqual([])
  })
})
