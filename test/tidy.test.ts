/**
 * The project against its own rules. What each rule refuses is shown beside it in test/tidy/*.test.ts; here they judge
 * the files on disk. Every failure names file, line and how to mend it.
 */
import fs from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { banRule } from "./tidy/bans.ts"
import { cycleRule } from "./tidy/cycles.ts"
import { folderRule, mainRule } from "./tidy/folders.ts"
import { barrelRule, packageRule, specifierRule } from "./tidy/imported.ts"
import { importsOf } from "./tidy/imports.ts"
import { pureRule } from "./tidy/pure.ts"
import { functionRule, sizeRule } from "./tidy/sizes.ts"
import { type Breach, isScript, sourcesOf } from "./tidy/source.ts"

const root = fileURLToPath(new URL("../", import.meta.url))
const sources = sourcesOf(root)
const manifest: { readonly devDependencies: Record<string, string> } = JSON.parse(
  fs.readFileSync(`${root}package.json`, "utf8"),
)

const shown = (breaches: ReadonlyArray<Breach>) =>
  breaches.map(({ path, line, rule, mend }) => `${path}:${line}  ${rule}: ${mend}`)

const rules: Readonly<Record<string, () => ReadonlyArray<Breach>>> = {
  "folders import only what the table allows": () => folderRule(sources),
  "nobody imports the composition root": () => mainRule(sources),
  "there are no import cycles": () => cycleRule(sources),
  "imports are written so that every runtime reads them": () => specifierRule(sources),
  "there are no barrels": () => barrelRule(sources),
  "packages are imported only where they belong": () =>
    packageRule(sources, new Set(Object.keys(manifest.devDependencies))),
  "pure files stay pure": () => pureRule(sources),
  "lines and files are short": () => sizeRule(sources),
  "functions are short": () => functionRule(sources),
  "nothing banned is used": () => banRule(sources),
}

it.each(Object.keys(rules))("%s", (name) => {
  expect(shown(rules[name]!()).join("\n")).toBe("")
})

it("the rules look at the project: its files are read and their imports lead to files", () => {
  const files = new Set(sources.map(({ path }) => path))
  const imports = sources.filter(({ path }) => isScript(path)).flatMap((source) =>
    importsOf(source).flatMap(({ target, kind, line }) =>
      target === undefined || kind === "url" || files.has(target) ? [] : [`${source.path}:${line} names ${target}`]
    )
  )
  expect(imports.join("\n")).toBe("")
  for (const path of ["src/config.ts", "schemas/ids.ts", "test/tidy.test.ts", "scripts/check.mjs", ".ci/run"]) {
    expect(files).toContain(path)
  }
})
