/** A planted breach for each rule: the project could be judged by rules that never fail, and nobody would know. */
import { describe, expect, it } from "vitest"
import { banRule, bans } from "./bans.ts"
import { cycleRule } from "./cycles.ts"
import { folderRule, mainRule } from "./folders.ts"
import { barrelRule, packageRule, specifierRule } from "./imported.ts"
import { pureRule } from "./pure.ts"
import { functionRule, sizeRule } from "./sizes.ts"
import { type Breach, source } from "./source.ts"

const project = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).map(([path, text]) => source(path, text))
const places = (breaches: ReadonlyArray<Breach>) => breaches.map(({ path, line }) => `${path}:${line}`)

describe("folders", () => {
  const judged = (path: string, imported: string) =>
    folderRule(project({ [path]: `import { a } from "${imported}"` })).map(({ mend }) => mend).join()

  it("of a capability know the schemas, and not each other", () => {
    expect(judged("src/streams/a.ts", "../../schemas/ids.ts")).toBe("")
    expect(judged("src/streams/a.ts", "./b.ts")).toBe("")
    expect(judged("src/streams/a.ts", "../connectors/Connector.ts")).toContain("src/streams may import schemas, not")
    expect(judged("src/connectors/todoist/a.ts", "../../config.ts")).toContain("may import schemas, not src/config.ts")
    expect(judged("src/evaluation/a.ts", "../recommender/Policy.ts")).toBe("")
    expect(judged("src/recommender/a.ts", "../evaluation/gate.ts")).toContain("src/recommender may import schemas, not")
    expect(judged("schemas/a.ts", "../src/streams/names.ts")).toContain("may import nothing of ours")
    expect(judged("src/config.ts", "./streams/names.ts")).toContain("may import nothing of ours")
    expect(judged("simulator/a.ts", "../src/connectors/Connector.ts")).toContain("simulator may import schemas, not")
  })

  it("that use ports take no adapter, and http takes no store", () => {
    expect(judged("src/actors/a.ts", "../streams/Outbox.ts")).toBe("")
    expect(judged("src/store/a.ts", "../actors/UserSyncStore.ts")).toBe("")
    expect(judged("src/actors/a.ts", "../streams/JetStreamEventLog.ts")).toContain("is an adapter")
    expect(judged("src/store/a.ts", "../connectors/todoist/cursor.ts")).toContain("is an adapter")
    expect(judged("src/http/a.ts", "../store/SqlOutbox.ts")).toContain("not src/store/SqlOutbox.ts")
  })

  it("have a row, and production code leaves tests alone", () => {
    expect(judged("src/helpers/a.ts", "node:fs")).toContain("no row of the folder table covers this file")
    expect(judged("src/a.ts", "node:fs")).toContain("no row of the folder table covers this file")
    expect(judged("src/cli/a.ts", "../../test/support/chromium.ts")).toContain("is for tests only")
    expect(judged("src/streams/a.ts", "./EventLog.contract.ts")).toContain("is for tests only")
    expect(judged("src/streams/a.test.ts", "../../test/support/chromium.ts")).toBe("")
    expect(judged("src/cli/a.ts", "../../../elsewhere/a.ts")).toContain("outside the project")
  })

  it("may be reached in no other form either", () => {
    for (
      const text of [
        'await import("../store/a.ts")',
        'type A = import("../store/a.ts").A',
        'new URL("../store/a.ts", import.meta.url)',
        'export { a } from "../store/a.ts"',
        'import type {\n  A,\n} from "../store/a.ts"',
      ]
    ) {
      expect(folderRule(project({ "src/http/x.ts": text })), text).toHaveLength(1)
    }
  })

  it("main is started by its path and imported by nobody, tests included", () => {
    const files = {
      "bench/a.bench.ts": 'new URL("../src/main.ts", import.meta.url)',
      "src/cli/a.ts": 'import { a } from "../main.ts"',
      "test/a.test.ts": '\nawait import("../src/main.ts")',
    }
    expect(places(mainRule(project(files)))).toEqual(["src/cli/a.ts:1", "test/a.test.ts:2"])
  })
})

describe("cycles", () => {
  it("are found at any length, each once, types included", () => {
    const files = {
      "src/a.ts": 'import "./b.ts"',
      "src/b.ts": '\nimport type { C } from "./c.ts"\nimport "./d.ts"',
      "src/c.ts": 'export { a } from "./a.ts"',
      "src/d.ts": 'import "./e.ts"',
      "src/e.ts": "",
      "src/self.ts": 'import "./self.ts"',
    }
    const breaches = cycleRule(project(files))
    expect(places(breaches)).toEqual(["src/c.ts:1", "src/self.ts:1"])
    expect(breaches[0]?.mend).toContain("src/a.ts → src/b.ts → src/c.ts → src/a.ts")
  })
})

describe("imports", () => {
  it("end in .ts, climb three folders at most, and name packages plainly", () => {
    const judged = (specifier: string) => specifierRule(project({ "src/a/b.ts": `import "${specifier}"` })).length
    expect(judged("./c.ts") + judged("../../../c.ts") + judged("effect")).toBe(0)
    for (const wrong of ["./c", "./c.js", "../../../../c.ts", "npm:effect", "https://x.org/y.ts", "/etc/x.ts"]) {
      expect(judged(wrong), wrong).toBe(1)
    }
    expect(specifierRule(project({ "src/a.ts": "import(name)" }))).toHaveLength(1)
  })

  it("pass through no barrel", () => {
    const files = {
      "src/a/index.ts": "",
      "src/a/b.ts": '\nexport * from "./c.ts"',
      "src/a/c.ts": "export const a = b * c",
    }
    expect(places(barrelRule(project(files)))).toEqual(["src/a/index.ts:1", "src/a/b.ts:2"])
  })

  it("of packages stay where they belong", () => {
    const judged = (path: string, specifier: string) =>
      packageRule(project({ [path]: `import "${specifier}"` }), new Set(["vitest", "@effect/vitest"])).length
    expect(judged("src/http/a.ts", "effect/sql")).toBe(1)
    expect(judged("src/store/a.ts", "effect/sql")).toBe(0)
    expect(judged("src/streams/a.ts", "postgres")).toBe(1)
    expect(judged("src/main.ts", "@effect/platform-node")).toBe(1)
    expect(judged("src/main.ts", "@effect/platform-node/NodeRuntime")).toBe(0)
    expect(judged("simulator/a.ts", "@effect/vitest/utils")).toBe(1)
    expect(judged("src/a/b.test.ts", "vitest")).toBe(0)
  })
})

describe("pure files", () => {
  const judged = (files: Readonly<Record<string, string>>, exceptions: ReadonlyArray<string> = []) =>
    pureRule(project(files), new Set(exceptions)).map(({ path, line, mend }) => `${path}:${line} ${mend}`)

  it("import no Effect, themselves or by way of what they load", () => {
    expect(judged({ "src/recommender/a.ts": '\nimport type { Effect } from "effect"' })).toHaveLength(1)
    expect(judged({ "src/evaluation/a.ts": 'import { Schema } from "effect/schema"' })).toHaveLength(1)
    expect(judged({ "src/actors/UserSyncState.ts": 'import "@effect/platform-node/NodeHttpServer"' })).toHaveLength(1)
    const ids = { "schemas/ids.ts": 'import { Schema } from "effect"', "schemas/b.ts": 'import { a } from "./ids.ts"' }
    expect(judged({ ...ids, "src/recommender/a.ts": 'import { b } from "../../schemas/b.ts"' }).join())
      .toContain("by way of schemas/b.ts → schemas/ids.ts")
    expect(judged({ ...ids, "src/recommender/a.ts": 'import type { B } from "../../schemas/b.ts"' })).toEqual([])
  })

  it("reach nothing outside the process", () => {
    expect(judged({ "src/recommender/a.ts": 'import fs from "node:fs"' })).toHaveLength(1)
    expect(judged({ "src/recommender/a.ts": 'import { createHash } from "node:crypto"' })).toEqual([])
  })

  it("are all in their folders but the listed ones, and the list keeps no file that is gone", () => {
    const port = { "src/recommender/Port.ts": 'import { Context } from "effect"' }
    expect(judged(port)).toHaveLength(1)
    expect(judged(port, ["src/recommender/Port.ts"])).toEqual([])
    expect(judged({}, ["src/recommender/Port.ts"]).join()).toContain("is gone")
    expect(judged({ "src/streams/a.ts": 'import "effect"', "src/recommender/a.test.ts": 'import "effect"' })).toEqual(
      [],
    )
  })
})

describe("sizes", () => {
  it("hold lines to 120 characters, counted as people count, and files to 450 lines", () => {
    const judged = (text: string, path = "src/a.ts") => places(sizeRule(project({ [path]: text })))
    expect(judged(`a\n${"é".repeat(120)}\n${"x".repeat(121)}`)).toEqual(["src/a.ts:3"])
    expect(judged("a\n".repeat(450))).toEqual([])
    expect(judged("a\n".repeat(451))).toEqual(["src/a.ts:451"])
    expect(judged("x".repeat(121), "schemas/gen/a_pb.ts")).toEqual([])
    expect(judged("x".repeat(121), "src/a/fixtures/reply.json")).toEqual([])
  })

  const body = (lines: number, indent = "  ") => `${indent}a()\n`.repeat(lines - 2)
  const long = (head: string, close = "}") => `${head}\n${body(71)}${close}\n`
  const judged = (text: string, allowed: Readonly<Record<string, number>> = {}) =>
    functionRule(project({ "src/a.ts": text }), allowed).map(({ line, mend }) => `${line} ${mend}`)

  it("hold functions of every form to 70 lines", () => {
    expect(judged(`export function f(a: A): B {\n${body(70)}}\n`)).toEqual([])
    expect(judged(long("export function f(a: A): B {"))).toEqual(["1 f has 71 lines, at most 70: split it"])
    expect(judged(long("const f = async (a) => {"))).toEqual(["1 f has 71 lines, at most 70: split it"])
    expect(judged(long("const f = (a) =>", "const b = 1")).join()).toContain("1 f has 71 lines")
    expect(judged(long('const f = Effect.fn("A.f")(function*() {', "})")).join()).toContain("1 f has 71 lines")
    expect(judged(long("export const f = (\n  a: A,\n): B => {")).join()).toContain("3 f has 71 lines")
    expect(judged(`class A {\n  f(a: A): B {\n${body(71, "    ")}  }\n}\n`).join()).toContain("2 f has 71 lines")
    expect(judged(long("run((a) => {", "})")).join()).toContain("1 (anonymous) has 71 lines")
  })

  it("count a named function inside another by itself, and a callback with its surroundings", () => {
    const method = (name: string) => `  const ${name} = () => {\n${body(40, "    ")}  }\n`
    expect(judged(`const layer = make(function*() {\n${method("f")}${method("g")}  return { f, g }\n})\n`)).toEqual([])
    const callback = `  run(() => {\n${body(40, "    ")}  })\n`
    expect(judged(`const f = () => {\n${callback}${callback}}\n`).join()).toContain("1 f has 82 lines")
  })

  it("do not count blocks, data and strings as functions", () => {
    expect(judged(long("const a = {"))).toEqual([])
    expect(judged(long("if (list.some((a) => a)) {"))).toEqual([])
    expect(judged(`const f = () => {\n  // a\n  sql\`\n${"SELECT\n".repeat(20)}\`\n${body(60)}}\n`)).toEqual([])
  })

  it("are a ratchet: a listed function may not grow, and its number follows it down", () => {
    const f = long("const f = () => {")
    expect(judged(f, { "src/a.ts:f": 71 })).toEqual([])
    expect(judged(f, { "src/a.ts:f": 80 }).join()).toContain("has 71 lines now: lower src/a.ts:f")
    expect(judged("", { "src/a.ts:f": 71 }).join()).toContain("take src/a.ts:f off")
    expect(judged(`const f = () => {\n${body(75)}}\n`, { "src/a.ts:f": 71 }).join()).toContain(
      "f has 75 lines, at most 71",
    )
  })
})

describe("bans", () => {
  const planted: Readonly<Record<string, readonly [path: string, text: string]>> = {
    "Date.now": ["src/a/b.ts", "const a = Date.now()"],
    "new Date()": ["src/a/b.ts", "const a = new Date()"],
    "Math.random": ["src/a/b.ts", "const a = Math.random()"],
    "console": ["src/cli/b.ts", 'console.log("a")'],
    "process.env": ["src/store/b.ts", 'process.env["A"]'],
    "arrow returning Effect.gen": ["src/a/b.ts", "const a = (b) =>\n  Effect.gen(function*() {})"],
    "SQL": ["src/http/b.ts", "yield* sql<Row>`SELECT 1`"],
    "Live": ["src/a/b.ts", "export const OutboxLive = 1"],
    "HTTP status": ["src/streams/b.ts", "{ httpApiStatus: 404 }"],
    "Effect.provide": ["src/actors/b.ts", "a.pipe(Effect.provide(layer))"],
    "skipped test": ["src/a/b.test.ts", ["it.effect.", 'skip("a", () => b)'].join("")],
    "unfinished": ["docs/a.md", ["later: TO", "DO"].join("")],
    "foreign place": ["docs/a.md", ["see /wor", "k/main"].join("")],
  }

  it.each(bans.map(({ rule }) => rule))("%s is refused where it is planted", (rule) => {
    const [path, text] = planted[rule]!
    expect(banRule(project({ [path]: text }), []).map((breach) => breach.rule)).toEqual([rule])
  })

  it("leave tests, comments, strings and the files that own the thing alone", () => {
    const fine = {
      "src/a/b.test.ts": "Date.now(); console.log(process.env)",
      "src/a/c.ts": '// Date.now, console.log\nconst a = "process.env"; const isLive = true',
      "src/config.ts": "process.env",
      "src/store/a.ts": "yield* sql`SELECT 1`",
      "src/http/errors.ts": "response.status(404)",
      "src/main.ts": "a.pipe(Effect.provide(layer))",
      "bench/a.ts": "sql`SELECT 1`",
      "docs/how.md": "a framework/worker for todo lists, homework",
    }
    expect(banRule(project(fine), [])).toEqual([])
  })

  it("know exceptions by file and rule, and refuse one that is not needed any more", () => {
    const exception = { path: "src/a.ts", rule: "console", reason: "it is a test" }
    expect(banRule(project({ "src/a.ts": "console.log()" }), [exception])).toEqual([])
    expect(banRule(project({ "src/a.ts": "console.log(Date.now())" }), [exception])).toHaveLength(1)
    expect(banRule(project({ "src/a.ts": "" }), [exception])[0]?.mend).toContain("needs no exception")
  })
})
