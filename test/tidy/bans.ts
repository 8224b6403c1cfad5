/**
 * Code that has a better form here, each with that form.
 */
import type { Breach, Source } from "./source.ts"
import { isForeign, isScript, isTest, lineAt } from "./source.ts"

interface Ban {
  readonly rule: string
  readonly pattern: RegExp
  readonly mend: string
  readonly where: (path: string) => boolean
  /** Look at comments and strings too. */
  readonly inText?: true
}

const inSrc = (path: string) => path.startsWith("src/") && isScript(path) && !isTest(path)
const root = (path: string) => /^src\/(?:main\.ts$|cli\/)/.test(path)
const ours = (path: string) => !isForeign(path)
/** These lines would find themselves. */
const joined = (...parts: ReadonlyArray<string>) => parts.join("")

export const bans: ReadonlyArray<Ban> = [
  { rule: "Date.now", pattern: /\bDate\.now\b/g, mend: "take the time from Clock, or as an argument", where: inSrc },
  {
    rule: "new Date()",
    pattern: /\bnew Date\(\s*\)/g,
    mend: "take the time from Clock, or as an argument",
    where: inSrc,
  },
  { rule: "Math.random", pattern: /\bMath\.random\b/g, mend: "use Random, or a seeded generator", where: inSrc },
  {
    rule: "console",
    pattern: /\bconsole\.\w/g,
    mend: "Effect.log, or Console for what a command prints",
    where: inSrc,
  },
  {
    rule: "process.env",
    pattern: /\bprocess\s*\.\s*env\b|\bDeno\s*\.\s*env\b/g,
    mend: "make it a setting of src/config.ts and take its value as an argument",
    where: (path) => inSrc(path) && path !== "src/config.ts",
  },
  {
    rule: "arrow returning Effect.gen",
    pattern: /=>\s*Effect\.gen\(/g,
    mend: 'write Effect.fn("Service.method")(function*(…) { … }), or Effect.fnUntraced on a hot path',
    where: inSrc,
  },
  {
    rule: "SQL",
    pattern: /\bsql(?:<[^`\n]*>)?`/g,
    mend: "SQL lives in src/store: give your folder a port and write its adapter there",
    where: (path) => inSrc(path) && !path.startsWith("src/store/"),
  },
  {
    rule: "Live",
    pattern: /\b(?:const|class)\s+(?!(?:is|has|was|are)[A-Z])\w*Live\b/g,
    mend: "a layer is named layer, layerMemory, layerNoop, layerTest or layerConfig",
    where: inSrc,
  },
  {
    rule: "HTTP status",
    // With an argument: without one it asks, as NATS's connection is asked for its own.
    pattern: /\bhttpApiStatus\b|\.status\s*\(\s*[^\s)]/g,
    mend: "a status is chosen in src/http/errors.ts; fail with a domain error",
    where: (path) => inSrc(path) && !path.startsWith("src/http/"),
  },
  {
    rule: "Effect.provide",
    pattern: /\bEffect\s*\.\s*provide\s*\(/g,
    mend: "leave the requirement open; src/main.ts closes it",
    where: (path) => inSrc(path) && !root(path),
  },
  {
    rule: "skipped test",
    pattern: /\.(?:skip|only|todo|skipIf|runIf)\b\s*[.(<]|\b(?:xit|xdescribe|xtest)\s*\(/g,
    mend: "every test runs everywhere: mend it, or take it away",
    where: (path) => isScript(path) && isTest(path),
  },
  {
    rule: "unfinished",
    pattern: new RegExp(joined("\\b(?:TO", "DO|FIX", "ME|XX", "X)\\b"), "g"),
    mend: "finish it, or write it down as an issue",
    where: ours,
    inText: true,
  },
  {
    rule: "foreign place",
    pattern: new RegExp(
      joined(
        "(?<![\\w.-])/wor",
        "k(?=/|\\b)|\\bguides/(?:stack|house-style|effect4|conn",
        "ectors|nats|rec",
        "ommender)\\.md",
      ),
      "g",
    ),
    mend: "a reader of this project does not have that file: say what it says",
    where: ours,
    inText: true,
  },
]

export interface Exception {
  readonly path: string
  readonly rule: string
  readonly reason: string
}

/** Places at the border of the process where the ban's better form does not reach. */
const exceptions: ReadonlyArray<Exception> = []

export function banRule(
  sources: ReadonlyArray<Source>,
  excepted: ReadonlyArray<Exception> = exceptions,
): ReadonlyArray<Breach> {
  const found = sources.flatMap((source) =>
    bans.filter((ban) => ban.where(source.path)).flatMap((ban) => {
      const text = ban.inText === true ? source.text : source.code
      return [...text.matchAll(ban.pattern)].map((match) => ({
        path: source.path,
        line: lineAt(text, match.index),
        rule: ban.rule,
        mend: ban.mend,
      }))
    })
  )
  const covers = (exception: Exception, { path, rule }: Breach) => exception.path === path && exception.rule === rule
  const stale = excepted.filter((exception) => !found.some((breach) => covers(exception, breach)))
  return [
    ...found.filter((breach) => !excepted.some((exception) => covers(exception, breach))),
    ...stale.map(({ path, rule }) => ({
      path,
      line: 1,
      rule,
      mend: "needs no exception: take it off test/tidy/bans.ts",
    })),
  ]
}
