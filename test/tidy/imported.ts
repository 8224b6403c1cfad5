/**
 * How an import is written, and which packages may be imported where.
 */
import type { Import } from "./imports.ts"
import { computedImportsOf, importsOf } from "./imports.ts"
import type { Breach, Source } from "./source.ts"
import { isForeign, isScript, isTest } from "./source.ts"

const scripts = (sources: ReadonlyArray<Source>) =>
  sources.filter((source) => isScript(source.path) && !isForeign(source.path))

const anchored = (path: string) => /^src\/(?:main\.ts$|cli\/)/.test(path)

/** Paths that Deno, Node and a browser read alike, and that say where a thing is. */
export function specifierRule(sources: ReadonlyArray<Source>): ReadonlyArray<Breach> {
  return scripts(sources).flatMap((source) => [
    ...importsOf(source).flatMap((found) =>
      specifierFaults(source.path, found).map((mend) => ({
        path: source.path,
        line: found.line,
        rule: "imports",
        mend,
      }))
    ),
    ...(source.path.startsWith("src/") ? computedImportsOf(source) : []).map((line) => ({
      path: source.path,
      line,
      rule: "imports",
      mend: "import() of a computed name is seen by no rule: write the name out",
    })),
  ])
}

function* specifierFaultsOf(path: string, { specifier, kind, target }: Import): Generator<string> {
  if (/^(?:\/|file:)/.test(specifier)) yield `${specifier} is a place on one machine: import by a relative path`
  if (/^(?:npm|jsr|https?):/.test(specifier) && kind !== "url") yield `${specifier}: packages come from package.json`
  if (target === undefined) return
  if (path.endsWith(".ts") && kind !== "url" && !specifier.endsWith(".ts")) yield `${specifier} must end in .ts`
  if (/^(?:\.\.\/){4}/.test(specifier)) {
    yield `${specifier} goes up more than three folders: the file is nested too deep`
  }
}

const specifierFaults = (path: string, found: Import) => [...specifierFaultsOf(path, found)]

/** A folder that hides its files behind one name is where cycles begin. */
export function barrelRule(sources: ReadonlyArray<Source>): ReadonlyArray<Breach> {
  const mend = "no barrels: let importers name the file that defines the thing"
  return scripts(sources).flatMap(({ path, code }) => [
    ...(/(?:^|\/)index\.\w+$/.test(path) ? [{ path, line: 1, rule: "barrels", mend }] : []),
    ...code.split("\n").flatMap((line, index) =>
      /^\s*export\s*(?:type\s*)?\*/.test(line) ? [{ path, line: index + 1, rule: "barrels", mend }] : []
    ),
  ])
}

/** Packages that belong to one place. */
export function packageRule(sources: ReadonlyArray<Source>, installedOnly: ReadonlySet<string>): ReadonlyArray<Breach> {
  const ours = scripts(sources).filter(({ path }) => /^(?:src|simulator|schemas)\//.test(path) && !isTest(path))
  return ours.flatMap((source) =>
    importsOf(source).flatMap(({ specifier, line, target }) => {
      const mend = target === undefined ? packageFault(source.path, specifier, installedOnly) : undefined
      return mend === undefined ? [] : [{ path: source.path, line, rule: "packages", mend }]
    })
  )
}

function packageFault(path: string, specifier: string, devDependencies: ReadonlySet<string>): string | undefined {
  if (specifier === "@effect/platform-node") return "the barrel loads everything: import @effect/platform-node/<Module>"
  if (/^(?:effect\/sql|postgres)(?:\/|$)/.test(specifier) && !path.startsWith("src/store/") && !anchored(path)) {
    return `${specifier} is for src/store only: put the query into the adapter of your port`
  }
  const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")
  return devDependencies.has(name) ? `${name} is a devDependency: it is absent where the service runs` : undefined
}
