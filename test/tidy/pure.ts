/**
 * Pure files: decisions, policies, features, rewards, estimators and the state machines of actors. They take time and
 * chance as arguments, so that offline evaluation and replay run the very functions production runs.
 */
import type { Import } from "./imports.ts"
import { importsOf } from "./imports.ts"
import type { Breach, Source } from "./source.ts"
import { isScript, isTest } from "./source.ts"

/** Files of src/recommender that hold a port or a service, and so need Effect. */
const impure: ReadonlySet<string> = new Set(
  ["Candidates", "Decisions", "Feedback", "Learning", "PolicyStates", "Projector", "Recommender", "ServingStates"]
    .map((name) => `src/recommender/${name}.ts`),
)

function isPure(path: string, exceptions: ReadonlySet<string>): boolean {
  if (isTest(path) || !path.endsWith(".ts") || exceptions.has(path)) return false
  return /^src\/(?:recommender|evaluation)\//.test(path) || /^src\/.*State\.ts$/.test(path)
}

/** Built-ins that compute; every other one reaches outside the process. */
const computing = /^node:(?:crypto|buffer|util|assert)$/
const isEffect = (specifier: string) => /^@?effect(?:\/|$)/.test(specifier)

export function pureRule(
  sources: ReadonlyArray<Source>,
  exceptions: ReadonlySet<string> = impure,
): ReadonlyArray<Breach> {
  const files = new Map(
    sources.filter((source) => isScript(source.path)).map((source) => [source.path, importsOf(source)]),
  )
  const stale = [...exceptions].filter((path) => !files.has(path))
  return [
    ...stale.map((path) => breach(path, 1, "is gone: take it off the list in test/tidy/pure.ts")),
    ...[...files].filter(([path]) => isPure(path, exceptions)).flatMap(([path, imports]) =>
      imports.flatMap((found) => {
        const why = impurity(found, files)
        return why === undefined ? [] : [breach(path, found.line, why)]
      })
    ),
  ]
}

function impurity(found: Import, files: ReadonlyMap<string, ReadonlyArray<Import>>): string | undefined {
  const { specifier, target, isType } = found
  if (isEffect(specifier)) return "a pure file imports no Effect: return a value, and let a service act on it"
  if (specifier.startsWith("node:") && !computing.test(specifier)) {
    return `${specifier} reaches outside: take it as an argument`
  }
  if (target === undefined || isType) return undefined
  const way = wayToEffect(target, files, new Set())
  return way && `loads Effect by way of ${way.join(" → ")}: use \`import type\`, or split that file`
}

/** The files through which Effect would be loaded when `path` runs. */
function wayToEffect(
  path: string,
  files: ReadonlyMap<string, ReadonlyArray<Import>>,
  seen: Set<string>,
): ReadonlyArray<string> | undefined {
  if (seen.has(path)) return undefined
  seen.add(path)
  for (const { specifier, target, isType } of files.get(path) ?? []) {
    if (isType) continue
    if (isEffect(specifier)) return [path]
    const way = target === undefined ? undefined : wayToEffect(target, files, seen)
    if (way !== undefined) return [path, ...way]
  }
  return undefined
}

function breach(path: string, line: number, mend: string): Breach {
  return { path, line, rule: "pure", mend }
}
