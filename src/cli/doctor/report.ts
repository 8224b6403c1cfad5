/** Findings as columns for a person, or as JSON for a program. Pure. */
import type { Finding } from "./Finding.ts"
import { isHealthy } from "./Finding.ts"

const statusWidth = 6
const checkWidth = 13
const indent = statusWidth + checkWidth

/** Less would leave no room beside the columns. */
const columnsMin = 60

/** One finding, wrapped to `columns`. */
export const rowOf = ({ check, status, seen, mend }: Finding, columns: number): string => {
  const head = (status === "fail" ? "FAIL" : status).padEnd(statusWidth) + check.padEnd(checkWidth)
  const width = Math.max(columnsMin, columns) - indent
  const lines = [...wrap(seen, width), ...(mend === undefined ? [] : wrap(`→ ${mend}`, width))]
  return lines.map((line, index) => (index === 0 ? head : " ".repeat(indent)) + line).join("\n")
}

/** `{ ok, findings: [{ check, status, seen, mend? }] }`: stable, fields are only ever added. */
export const jsonOf = (findings: ReadonlyArray<Finding>): string =>
  JSON.stringify({ ok: isHealthy(findings), findings }, null, 2)

export const verdictOf = (findings: ReadonlyArray<Finding>): string => {
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length
  const [failed, warned] = [count("fail"), count("warn")]
  const parts = [...(failed > 0 ? [`${failed} failed`] : []), ...(warned > 0 ? [`${warned} to look at`] : [])]
  return parts.length === 0 ? `all ${findings.length} checks passed` : `${findings.length} checks: ${parts.join(", ")}`
}

/** Breaks at spaces; a longer word, such as a path, is left whole so that it can be copied. */
const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
