/** What the tests of the documents read in them: headings, tables, code, links. As much Markdown as ours uses. */
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))

export const read = (file: string): string => fs.readFileSync(path.join(root, file), "utf8")

/** The README and everything below `docs`, from the project's root. */
export const documents: ReadonlyArray<string> = [
  "README.md",
  ...fs.readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`).sort(),
]

const fence = /^```(\w*)\n([\s\S]*?)^```$/gm

/** The fenced blocks of one language. */
export const blocks = (text: string, language: string): ReadonlyArray<string> =>
  [...text.matchAll(fence)].filter((block) => block[1] === language).map((block) => block[2]!)

/** What stands in backticks in running text and tables. */
export const spans = (text: string): ReadonlyArray<string> =>
  [...text.replace(fence, "").matchAll(/`([^`\n]+)`/g)].map((span) => span[1]!)

/** The text under a heading, up to the next one of any level. Throws when there is none of that name. */
export const section = (text: string, heading: string): string => {
  const parts = text.split(/^#+ /m)
  const found = parts.find((part) => part.split("\n", 1)[0] === heading)
  if (found === undefined) throw new Error(`no heading ${heading}`)
  return found.slice(heading.length)
}

/** The rows of the one table in a text, without its head; a cell in backticks comes without them. */
export const rows = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text.split("\n").filter((line) => line.startsWith("|")).slice(2).map((line) =>
    line.slice(1, -1).split("|").map((cell) => cell.trim().replace(/^`([^`]*)`$/, "$1"))
  )

/** Targets of links and images that lead to a file or a heading of ours. */
export const links = (text: string): ReadonlyArray<string> =>
  [...text.replace(fence, "").matchAll(/\]\(([^)\s]+)\)|\bsrc="([^"]+)"/g)].map((link) => link[1] ?? link[2]!)
    .filter((target) => !/^[a-z]+:/.test(target))

/** The anchor that a heading gets, as GitHub makes it. */
export const anchors = (text: string): ReadonlyArray<string> =>
  [...text.replace(fence, "").matchAll(/^#+ (.+)$/gm)].map((heading) =>
    heading[1]!.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  )
