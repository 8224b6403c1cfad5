/** The programs of a folder, as a list that tells them apart. */
import fs from "node:fs"
import path from "node:path"
import { root } from "./process.mjs"

/** Of the comment a file begins with, on one line; empty when it begins with none. */
export function firstSentence(text) {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ""
  const says = comment.replace(/\s*\n\s*\*?\s*/g, " ").trim()
  return /^.*?\.(?=\s|$)/.exec(says)?.[0] ?? says
}

/** Name and first sentence of each file of the folder with this ending. */
export function listed(folder, ending) {
  return fs.readdirSync(path.join(root, folder)).filter((file) => file.endsWith(ending)).sort().map((file) => ({
    name: file.slice(0, -ending.length),
    says: firstSentence(fs.readFileSync(path.join(root, folder, file), "utf8")),
  }))
}

/** Lines with the names in a column. */
export function columns(rows) {
  const width = Math.max(0, ...rows.map(({ name }) => name.length))
  return rows.map(({ name, says }) => `  ${name.padEnd(width)}  ${says}`)
}
