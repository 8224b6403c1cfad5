import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { markup } from "./html.ts"
import { blocks, inline, plain } from "./markdown.ts"
import { faultsOf, hostileText } from "./pages.fixture.ts"

const shown = (text: string) => markup`${blocks(text)}`.toString()
const line = (text: string) => markup`${inline(text)}`.toString()

describe("markdown", () => {
  it("knows emphasis, code and links", () => {
    expect(line("Send the **Q4 budget** to *Marta*, see `a<b`"))
      .toBe("Send the <strong>Q4 budget</strong> to <em>Marta</em>, see <code>a&lt;b</code>")
    expect(line("[sheet](https://e.org/?a=1&b=2)"))
      .toBe('<a href="https://e.org/?a=1&amp;b=2" rel="noopener noreferrer">sheet</a>')
    expect(line("see https://e.org/a_b."))
      .toBe('see <a href="https://e.org/a_b" rel="noopener noreferrer">https://e.org/a_b</a>.')
  })

  it("leaves what is no mark alone", () => {
    for (const text of ["2 * 3 * 4", "snake_case_name", "a ** b", "[x](y)", "5*6*7", "**", "`", "# 1"]) {
      expect(line(text), text).toBe(text)
    }
    expect(line("http://e.org [x](http://e.org) [y](javascript:alert(1))")).not.toContain("<a")
    expect(line("https://user:pw@e.org/x")).not.toContain("<a")
  })

  it("knows paragraphs, lists and quotes", () => {
    expect(shown("She needs it.\nSoon.\n\n- [ ] travel\n* licences\n1. third\n> said\n# Head")).toBe(
      '<p dir="auto">She needs it.<br>Soon.</p><ul><li dir="auto">travel</li><li dir="auto">licences</li>' +
        '<li dir="auto">third</li></ul><blockquote dir="auto">said</blockquote><p dir="auto">Head</p>',
    )
    expect(shown(" \r\n\n")).toBe("")
  })

  it("shows links in a title as words, and drops the marks where elements cannot be", () => {
    expect(markup`${inline("Read [it](https://e.org) **now**", "as words")}`.toString())
      .toBe("Read it <strong>now</strong>")
    expect(plain("Read [it](https://e.org) **now**, `x` https://e.org")).toBe("Read it now, x https://e.org")
  })

  it("cuts a long body between characters", () => {
    expect(shown("🪴".repeat(2_000))).toBe(`<p dir="auto">${"🪴".repeat(1_500)} …</p>`)
  })

  it("makes of any text only the markup it knows", () => {
    fc.assert(fc.property(hostileText, (text) => {
      expect(faultsOf(shown(text))).toEqual([])
      expect(faultsOf(markup`${inline(text, "as words")}`.toString())).toEqual([])
    }))
  })

  it("is quick with text made to be slow", () => {
    // Each of these took time with the square of its length in a naive form; the bound holds whatever the machine.
    for (const piece of ["[", "*", "**", "`", "https://", "[a](", "- "]) {
      const text = piece.repeat(16_384 / piece.length)
      expect(shown(text).length).toBeLessThan(20_000)
    }
  })
})
