/**
 * The little Markdown people write in a to-do list, as safe HTML: emphasis, code, links, lists and quotes. All else is
 * text as it stands. Links lead to https pages only.
 */
import { httpsLink, markup } from "./html.ts"
import type { Html } from "./html.ts"

/** A tip is read in a minute; the rest is where the task lives. It also bounds the work of matching. */
const bodyMaxChars = 1_500

const inlineMark = new RegExp(
  [
    "`([^`]{1,300})`",
    String.raw`\*\*([^*]{1,300})\*\*`,
    String.raw`(?<![\w*])\*([^*\s][^*]{0,300})\*(?![\w*])`,
    String.raw`\[([^\][]{1,300})\]\((https:[^()\s]{1,1000})\)`,
    String.raw`(https://[^\s<>"'()]{1,1000}[^\s<>"'().,;:!?])`,
  ].join("|"),
  "g",
)

/** One line of it. In a title links stay words: the whole title is about one thing, and that has its own link. */
export const inline = (text: string, links: "linked" | "as words" = "linked"): ReadonlyArray<Html> => {
  const pieces: Array<Html> = []
  let end = 0
  for (const match of text.matchAll(inlineMark)) {
    pieces.push(markup`${text.slice(end, match.index)}`, marked(match, links))
    end = match.index + match[0].length
  }
  return [...pieces, markup`${text.slice(end)}`]
}

const marked = (match: RegExpExecArray, links: "linked" | "as words"): Html => {
  const [whole, code, strong, emphasis, words, target, bare] = match
  if (code !== undefined) return markup`<code>${code}</code>`
  if (strong !== undefined) return markup`<strong>${strong}</strong>`
  if (emphasis !== undefined) return markup`<em>${emphasis}</em>`
  const href = httpsLink(target ?? bare ?? null)
  if (links === "as words" || href === undefined) return markup`${words ?? whole}`
  return markup`<a href="${href}" rel="noopener noreferrer">${words ?? bare}</a>`
}

/** Without its marks, for places that take no elements. */
export const plain = (text: string): string =>
  text.replace(
    inlineMark,
    (whole, code, strong, emphasis, words) => code ?? strong ?? emphasis ?? words ?? whole,
  )

type Kind = "blank" | "item" | "quote" | "words"

const markers: Readonly<Record<Kind, RegExp>> = {
  blank: /^\s*$/,
  item: /^\s{0,8}(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?/,
  quote: /^\s{0,3}>\s?/,
  words: /^(?:#{1,6}\s+)?/,
}

const kindOf = (line: string): Kind =>
  (["blank", "item", "quote"] as const).find((kind) => markers[kind].test(line)) ?? "words"

/** Paragraphs, lists and quotes. */
export const blocks = (text: string): ReadonlyArray<Html> => {
  const cut = [...text].length > bodyMaxChars
  const shown = cut ? `${[...text].slice(0, bodyMaxChars).join("").trimEnd()} …` : text
  const runs: Array<{ readonly kind: Kind; readonly lines: Array<string> }> = []
  for (const line of shown.split(/\r\n|\r|\n/)) {
    const kind = kindOf(line)
    const words = line.replace(markers[kind], "")
    const last = runs.at(-1)
    if (last?.kind === kind) last.lines.push(words)
    else runs.push({ kind, lines: [words] })
  }
  return runs.filter(({ kind }) => kind !== "blank").map(({ kind, lines }) => blockOf(kind, lines))
}

const blockOf = (kind: Kind, lines: ReadonlyArray<string>): Html => {
  if (kind === "item") return markup`<ul>${lines.map((line) => markup`<li dir="auto">${inline(line)}</li>`)}</ul>`
  const broken = lines.map((line, index) => markup`${index > 0 && markup`<br>`}${inline(line)}`)
  return kind === "quote" ? markup`<blockquote dir="auto">${broken}</blockquote>` : markup`<p dir="auto">${broken}</p>`
}
