/**
 * No import cycles, not even of types: two files that need each other are one concept, or lack a third.
 */
import { importsOf } from "./imports.ts"
import type { Breach, Source } from "./source.ts"
import { isScript } from "./source.ts"

interface Edge {
  readonly to: string
  readonly line: number
}

/** One breach per cycle, at the import that closes it. */
export function cycleRule(sources: ReadonlyArray<Source>): ReadonlyArray<Breach> {
  const graph = new Map(
    sources.filter((source) => isScript(source.path)).map((source) => [source.path, edgesOf(source)]),
  )
  const finished = new Set<string>()
  const way: Array<string> = []
  const breaches: Array<Breach> = []

  const visit = (path: string) => {
    way.push(path)
    for (const { to, line } of graph.get(path) ?? []) {
      const start = way.indexOf(to)
      if (start >= 0) breaches.push({ path, line, rule: "cycles", mend: mend([...way.slice(start), to]) })
      else if (graph.has(to) && !finished.has(to)) visit(to)
    }
    way.pop()
    finished.add(path)
  }

  for (const path of graph.keys()) if (!finished.has(path)) visit(path)
  return breaches
}

function edgesOf(source: Source): ReadonlyArray<Edge> {
  return importsOf(source).flatMap(({ target, line, kind }) =>
    target === undefined || kind === "url" ? [] : [{ to: target, line }]
  )
}

function mend(cycle: ReadonlyArray<string>): string {
  return `closes a cycle: ${cycle.join(" → ")}; move what they share into a file of its own`
}
