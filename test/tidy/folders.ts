/**
 * Who may import whom. The table is the one of the architecture page; a row may import only what it names.
 */
import { importsOf } from "./imports.ts"
import type { Breach, Source } from "./source.ts"
import { isScript, isTest } from "./source.ts"

type Row = {
  /** Folders whose every file may be imported. */
  readonly all: ReadonlyArray<string>
  /** Folders of which only ports may be imported: what is not an adapter. */
  readonly ports: ReadonlyArray<string>
}

const capabilities = [
  "src/streams",
  "src/connectors",
  "src/recommender",
  "src/evaluation",
  "src/identity",
  "src/notifier",
]
const row = (all: ReadonlyArray<string>, ports: ReadonlyArray<string> = []): Row => ({ all, ports })

const table: Readonly<Record<string, Row | "anything">> = {
  "schemas": row([]),
  "src/streams": row(["schemas"]),
  "src/connectors": row(["schemas"]),
  "src/recommender": row(["schemas"]),
  "src/evaluation": row(["schemas", "src/recommender"]),
  "src/identity": row(["schemas"]),
  "src/notifier": row(["schemas"]),
  "src/actors": row(["schemas"], capabilities),
  "src/store": row(["schemas"], [...capabilities, "src/actors", "src/http"]),
  "src/http": row(["schemas"], [...capabilities, "src/actors"]),
  "src/observability": row([]),
  "src/config.ts": row([]),
  "src/main.ts": "anything",
  "src/cli": "anything",
  "simulator": row(["schemas"]),
  "bench": "anything",
}

/** An adapter is named for its technology, by file or by folder; everything else in a capability folder is a port. */
const adapterFile = /\/(?:JetStream|Nats|Sql|Postgres|Redis|Cluster|Local|Todoist|OpenAi|Smtp|WebPush)[A-Z0-9]\w*\.ts$/
const adapterFolder = /^src\/(?:connectors|notifier)\/\w+\//

export function folderRule(sources: ReadonlyArray<Source>): ReadonlyArray<Breach> {
  return sources.filter((source) => isScript(source.path) && !isTest(source.path)).flatMap((source) => {
    const from = rowOf(source.path)
    if (from === undefined) {
      const outside = !/^(?:src|schemas|simulator|bench)\//.test(source.path)
      return outside
        ? []
        : [breach(source.path, 1, "no row of the folder table covers this file; move it, or add its row")]
    }
    return importsOf(source).flatMap((found) => {
      if (found.target === undefined) return []
      const why = refusal(source.path, from, found.target, found.kind === "url")
      return why === undefined ? [] : [breach(source.path, found.line, why)]
    })
  })
}

/** A test may import what it tests and what tests share, but the composition root is started, never imported. */
export function mainRule(sources: ReadonlyArray<Source>): ReadonlyArray<Breach> {
  return sources.filter((source) => isScript(source.path)).flatMap((source) =>
    importsOf(source)
      .filter((found) => found.kind !== "url" && /^(?:src|simulator)\/main\.ts$/.test(found.target ?? ""))
      .map((found) => breach(source.path, found.line, `${found.target} is started, never imported; move what you need`))
  )
}

function rowOf(path: string): string | undefined {
  return Object.keys(table).find((folder) => path === folder || path.startsWith(`${folder}/`))
}

function refusal(path: string, from: string, target: string, isUrl: boolean): string | undefined {
  if (target.startsWith("../")) return `${target} is outside the project`
  if (isTest(target)) return `${target} is for tests only; move what you need out of it`
  const allowed = table[from]
  const to = rowOf(target)
  if (allowed === undefined || allowed === "anything" || to === from) return undefined
  if (to === undefined) return isUrl ? undefined : `${target} is in no folder of the table`
  if (allowed.all.includes(to)) return undefined
  if (!allowed.ports.includes(to)) {
    const may = [...allowed.all, ...allowed.ports.map((folder) => `the ports of ${folder}`)]
    return `${from} may import ${may.length === 0 ? "nothing of ours" : may.join(", ")}, not ${target}: ` +
      `depend on a port of your own, and let ${path === "src/main.ts" ? "it" : "src/main.ts"} join the two`
  }
  return adapterFile.test(target) || adapterFolder.test(target)
    ? `${target} is an adapter: import its port, src/main.ts chooses the adapter`
    : undefined
}

function breach(path: string, line: number, mend: string): Breach {
  return { path, line, rule: "folders", mend }
}
