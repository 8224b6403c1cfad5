/**
 * Source text with comments and the contents of strings, templates and regular expressions blanked out.
 *
 * Length and line breaks stay, so an offset means the same in both texts: rules look for code in the masked one and
 * read the specifier of an import from the real one. `${…}` inside a template is code and stays.
 */

/** After one of these a `/` begins a regular expression; after anything else, a value, it divides. */
const beforeRegex = /^(?:|[=([{},;:!&|?+\-*%<>~^]|return|typeof|case|in|of|do|else|void|delete|throw|yield|await)$/

export function mask(text: string): string {
  const out = text.split("")
  const blank = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " "
  }
  /** One entry per open template: how many braces are open inside its current `${`. */
  const templates: Array<number> = []
  let token = ""
  let spaced = false
  let at = 0

  const template = () => {
    const from = at
    while (at < text.length && text[at] !== "`" && !text.startsWith("${", at)) at += text[at] === "\\" ? 2 : 1
    blank(from, Math.min(at, text.length))
    if (text[at] === "`") {
      at++
      token = "`"
    } else {
      templates.push(0)
      at += 2
      token = "{"
    }
  }

  while (at < text.length) {
    const char = text[at]!
    if (text.startsWith("//", at) || text.startsWith("/*", at)) {
      const end = text[at + 1] === "/" ? text.indexOf("\n", at) : text.indexOf("*/", at + 2) + 2
      const stop = end < 2 ? text.length : end
      blank(at, stop)
      at = stop
    } else if (char === '"' || char === "'") {
      const end = endOfQuoted(text, at)
      blank(at + 1, end)
      at = end + 1
      token = char
    } else if (char === "`") {
      at++
      template()
    } else if (char === "/" && beforeRegex.test(token)) {
      const end = endOfRegex(text, at)
      blank(at + 1, end)
      at = end + 1
      token = "/"
    } else {
      const depth = templates.at(-1)
      if (depth !== undefined && char === "{") templates[templates.length - 1] = depth + 1
      if (depth !== undefined && char === "}") {
        if (depth === 0) {
          templates.pop()
          at++
          template()
          continue
        }
        templates[templates.length - 1] = depth - 1
      }
      if (/\s/.test(char)) spaced = true
      else {
        token = nextToken(token, char, spaced)
        spaced = false
      }
      at++
    }
  }
  return out.join("")
}

/** The last word or sign. A `!` after a value asserts that it is there, so what follows it follows a value. */
function nextToken(last: string, char: string, spaced: boolean): string {
  if (!spaced && /\w/.test(char) && /\w$/.test(last)) return last + char
  return char === "!" && !beforeRegex.test(last) ? ")" : char
}

function endOfQuoted(text: string, from: number): number {
  const quote = text[from]
  let at = from + 1
  while (at < text.length && text[at] !== quote && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1
  return Math.min(at, text.length)
}

function endOfRegex(text: string, from: number): number {
  let inClass = false
  let at = from + 1
  while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
    if (text[at] === "[") inClass = true
    if (text[at] === "]") inClass = false
    at += text[at] === "\\" ? 2 : 1
  }
  return Math.min(at, text.length)
}
