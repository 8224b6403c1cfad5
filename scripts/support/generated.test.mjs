import { describe, expect, it } from "vitest"
import { withSettings } from "./generated.mjs"

const start = "<!-- settings:start -->"
const end = "<!-- settings:end -->"
const port = { name: "PORT", byDefault: "8080", bound: "0 to 65535", doc: "Port to listen on." }

describe("settings table", () => {
  it("stands between its markers, the rest of the README untouched, and twice is once", () => {
    const made = withSettings(`# Title\n${start}\nold\n${end}\nmore\n`, [port])
    const table = "| setting | default | bound | meaning |\n| --- | --- | --- | --- |\n"
    expect(made).toBe(
      `# Title\n${start}\n${table}| \`PORT\` | 8080 | 0 to 65535 | Port to listen on. |\n${end}\nmore\n`,
    )
    expect(withSettings(made, [port])).toBe(made)
  })

  it("shows a unit beside the default, and keeps a cell a cell", () => {
    const made = withSettings(`${start}${end}`, [{ name: "A", unit: "ms", byDefault: "5", doc: "a | b\nc" }])
    expect(made).toContain("| `A` | 5 ms |  | a \\| b c |")
  })

  it("is refused without both markers, once each, in order", () => {
    for (const readme of ["", start, end, `${end}${start}`, `${start}${end}${start}`, `${start}${end}${end}`]) {
      expect(() => withSettings(readme, [port]), readme).toThrow("README.md must hold")
    }
  })
})
