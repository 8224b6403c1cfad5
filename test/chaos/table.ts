/** The table of a run, in Markdown, so that it can stand in the documents as it was printed. */
import type { Outcome } from "./Scenario.ts"

const columns = [
  ["fault", 30],
  ["seconds", 7],
  ["events", 6],
  ["duplicates delivered", 20],
  ["dead letters", 12],
  ["lost", 4],
  ["double effects", 14],
  ["order breaks", 12],
  ["verdict", 7],
] as const satisfies ReadonlyArray<readonly [name: string, width: number]>

const lineOf = (cells: ReadonlyArray<string>): string =>
  `| ${
    cells.map((cell, index) => index === 0 ? cell.padEnd(columns[0][1]) : cell.padStart(columns[index]![1])).join(" | ")
  } |`

export const head = (): string =>
  [
    lineOf(columns.map(([name]) => name)),
    `| ${
      columns.map(([, width], index) => index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`).join(" | ")
    } |`,
  ].join("\n")

export const rowOf = (outcome: Outcome): string =>
  lineOf([
    outcome.fault,
    outcome.seconds.toFixed(1),
    ...[
      outcome.events,
      outcome.duplicates,
      outcome.deadLetters,
      outcome.lost,
      outcome.doubleEffects,
      outcome.orderBreaks,
    ]
      .map(String),
    outcome.problems.length === 0 ? "ok" : "FAILED",
  ])
