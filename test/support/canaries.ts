/** Secrets to look for afterwards, in every form in which something that writes may have written them. */
import { randomBytes } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"

export interface Secret {
  readonly name: string
  readonly needles: ReadonlyArray<string>
}

/**
 * `text` as it is, in hex (as Postgres writes bytes), in base64 wherever it begins, and as a list of bytes (as
 * `JSON.stringify` and `inspect` write them).
 */
export const secret = (name: string, text: string): Secret => {
  const bytes = Buffer.from(text)
  const needles = [
    text,
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...[0, 1, 2].flatMap((before) => {
      const standard = base64Within(bytes, before)
      return [standard, standard.replaceAll("+", "-").replaceAll("/", "_")]
    }),
    [...bytes].join(","),
    [...bytes].join(", "),
  ]
  return { name, needles: [...new Set(needles)] }
}

/** The characters that only `bytes` decide, when `before` others are encoded in front of them. */
const base64Within = (bytes: Buffer, before: number): string => {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64")
  return encoded.slice(Math.ceil(before * 8 / 6), Math.floor((before + bytes.length) * 8 / 6))
}

/** Unlike anything else there is. Every secret a test invents holds it, so one search finds them all. */
export const newMarker = (): string => `canary${randomBytes(9).toString("hex")}`

/** Names of those that are in it. */
export const foundIn = (content: string, secrets: ReadonlyArray<Secret>): ReadonlyArray<string> =>
  secrets.filter(({ needles }) => needles.some((needle) => content.includes(needle))).map(({ name }) => name)

/** `file: secret` for all files of a folder, whatever is in it. */
export const foundInFiles = async (
  folder: string,
  secrets: ReadonlyArray<Secret>,
): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const entry of await fs.readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    const names = foundIn(await fs.readFile(file, "latin1"), secrets)
    found.push(...names.map((name) => `${path.relative(folder, file)}: ${name}`))
  }
  return found
}
