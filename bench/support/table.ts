/**
 * How every benchmark shows what it measured: a table for people, then one JSON line per row for scripts.
 */

export interface Row {
  readonly name: string
  /** The figure the ratio is made of. */
  readonly value: number
  /** More figures, shown as they stand. */
  readonly more?: Readonly<Record<string, number | string>>
}

export interface Table {
  /** Stands in each JSON line as `bench`. */
  readonly bench: string
  /** Of `value`, for example `requests/s`. */
  readonly unit: string
  /** Name of the row every other is compared with; it must be among the rows. */
  readonly baseline: string
  readonly rows: ReadonlyArray<Row>
}

/** Four significant digits; whole above a thousand. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-"
  return Math.abs(value) >= 1_000 ? String(Math.round(value)) : String(Number(value.toPrecision(4)))
}

const ratioOf = (row: Row, base: Row) => row.value / base.value

/** The table and the JSON lines, each line without its line break. Throws when the baseline is not among the rows. */
export function linesOf(table: Table): ReadonlyArray<string> {
  const base = table.rows.find((row) => row.name === table.baseline)
  if (base === undefined) throw new Error(`bench ${table.bench}: no row is named ${table.baseline}, its baseline`)
  const extra = [...new Set(table.rows.flatMap((row) => Object.keys(row.more ?? {})))]
  const head = [table.bench, table.unit, "ratio", ...extra]
  const cells = table.rows.map((row) => [
    row.name,
    figure(row.value),
    `${figure(ratioOf(row, base))} x`,
    ...extra.map((name) => shown(row.more?.[name])),
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((line) => line[column]!.length)))
  const aligned = (line: ReadonlyArray<string>) =>
    line.map((cell, column) => column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)).join("  ")
  const json = table.rows.map((row) =>
    JSON.stringify({
      bench: table.bench,
      row: row.name,
      value: row.value,
      unit: table.unit,
      ratio: ratioOf(row, base),
      ...row.more,
    })
  )
  return [aligned(head), widths.map((width) => "-".repeat(width)).join("  "), ...cells.map(aligned), "", ...json]
}

function shown(value: number | string | undefined): string {
  return typeof value === "number" ? figure(value) : value ?? ""
}

export function printTable(table: Table): void {
  console.log(linesOf(table).join("\n"))
}
