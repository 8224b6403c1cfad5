import { describe, expect, it } from "vitest"
import { mask } from "./mask.ts"

/** What is left, without the blanks. */
const left = (text: string) => mask(text).replace(/ +/g, " ").trim()

describe("mask", () => {
  it("keeps every offset and line break", () => {
    const text = "const a = `x${`\n${b}`}y` // c\nconst d = /e'/.test('f') /* g\nh */"
    expect(mask(text)).toHaveLength(text.length)
    expect(mask(text).split("\n").length).toBe(text.split("\n").length)
  })

  it("blanks comments and what strings say, escapes and unfinished ones included", () => {
    expect(left(`a("x", 'y // z') // w`)).toBe(`a(" ", ' ')`)
    expect(left(`a("\\"b") + c`)).toBe(`a(" ") + c`)
    expect(left("/* a */ b /* c")).toBe("b")
    expect(left("a /* it's */ b 'c")).toBe("a b '")
  })

  it("keeps the code inside templates, nested ones too", () => {
    expect(left("`a ${b + `c ${d} e`} f` + g")).toBe("` ${b + ` ${d} `} ` + g")
    expect(left("`a ${ { b: 1 }.b } c` + d")).toBe("` ${ { b: 1 }.b } ` + d")
    expect(left("`\\${a}` + b")).toBe("` ` + b")
  })

  it("tells a regular expression from a division", () => {
    expect(left("a = /['\"`]/g; b")).toBe("a = / /g; b")
    expect(left("return /[/']/.test(x)")).toBe("return / /.test(x)")
    expect(left("a / b / 'c'")).toBe("a / b / ' '")
    expect(left("f(a) / xs[0]! / 'c'")).toBe("f(a) / xs[0]! / ' '")
    expect(left("!/'/.test(a) || 'b'")).toBe("!/ /.test(a) || ' '")
  })
})
