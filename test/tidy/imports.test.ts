import { describe, expect, it } from "vitest"
import { computedImportsOf, importsOf } from "./imports.ts"
import { source } from "./source.ts"

const from = (text: string, path = "src/a/b/c.ts") => importsOf(source(path, text))
const specifiers = (text: string) => from(text).map(({ specifier }) => specifier)

describe("imports of a file", () => {
  it("are found in every form", () => {
    expect(specifiers('import "./a.ts"')).toEqual(["./a.ts"])
    expect(specifiers("import a, { type b } from './a.ts'")).toEqual(["./a.ts"])
    expect(specifiers('import * as a from "./a.ts"')).toEqual(["./a.ts"])
    expect(specifiers('import {\n  a,\n  // from "./no.ts"\n  b as c,\n} from "./a.ts"')).toEqual(["./a.ts"])
    expect(specifiers('import { "odd name" as a } from\n  "./a.ts"')).toEqual(["./a.ts"])
    expect(specifiers('export { a } from "./a.ts"\nexport * as b from "./b.ts"')).toEqual(["./a.ts", "./b.ts"])
    expect(specifiers('await import("./a.ts")')).toEqual(["./a.ts"])
    expect(specifiers('type A = import("./a.ts").A')).toEqual(["./a.ts"])
    expect(specifiers('import.meta.resolve("./a.ts")')).toEqual(["./a.ts"])
    expect(specifiers('require("./a.ts"), require.resolve("pkg")')).toEqual(["./a.ts", "pkg"])
    expect(specifiers('new URL(\n  "./a.ts",\n  import.meta.url,\n)')).toEqual(["./a.ts"])
    expect(specifiers('import a from "./a.json" with { type: "json" }')).toEqual(["./a.json"])
  })

  it("are not looked for in comments, strings and other calls", () => {
    expect(specifiers('// import "./a.ts"')).toEqual([])
    expect(specifiers("const a = 'import \"./a.ts\"'")).toEqual([])
    expect(specifiers('const a = `import { b } from "./a.ts"`')).toEqual([])
    expect(specifiers('new URL("/path", base)')).toEqual([])
    expect(specifiers('Array.from("abc"), a.important("b")')).toEqual([])
  })

  it("name the file they lead to", () => {
    const target = (specifier: string) => from(`import "${specifier}"`)[0]?.target
    expect(target("./d.ts")).toBe("src/a/b/d.ts")
    expect(target("../../../schemas/ids.ts")).toBe("schemas/ids.ts")
    expect(target("../../../../x.ts")).toBe("../x.ts")
    expect(target("effect")).toBeUndefined()
  })

  it("say what is erased before it runs", () => {
    const isType = (text: string) => from(text).map((found) => found.isType)
    expect(isType('import type { A } from "./a.ts"')).toEqual([true])
    expect(isType('import type A from "./a.ts"')).toEqual([true])
    expect(isType('import { type A, type B } from "./a.ts"')).toEqual([true])
    expect(isType('export type { A } from "./a.ts"')).toEqual([true])
    expect(isType('import { type A, b } from "./a.ts"')).toEqual([false])
    expect(isType('import type from "./a.ts"')).toEqual([false])
    expect(isType('import {} from "./a.ts"')).toEqual([false])
    expect(isType('import type { A } from "./a.ts"\nimport { b } from "./b.ts"')).toEqual([true, false])
  })

  it("carry their line", () => {
    expect(from('\n\nimport {\n  a,\n} from "./a.ts"')[0]?.line).toBe(5)
  })

  it("of a computed name are found apart", () => {
    expect(computedImportsOf(source("a.ts", 'import(name)\nimport("./a.ts")'))).toEqual([1])
  })
})
