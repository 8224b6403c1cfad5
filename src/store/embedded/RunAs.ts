/**
 * Decides which user Postgres runs as, because it refuses to run as root.
 *
 * A normal user runs it as itself. Root hands it to the owner of the existing cluster, or to `nobody`, without
 * changing anything on the machine: `setpriv` (util-linux) gives the process that uid together with the one
 * capability to pass through folders it has no right to, so that it works with the installation and the data below a
 * 0700 folder such as /root. What the machine refuses is tried again with less: first `dac_read_search`, then
 * `dac_override` (a container's usual set lacks the former), then the bare uid.
 *
 * `no_setuid_fixup` is needed because Postgres looks for its own files with access(2), which leaves capabilities out
 * of account for a user that is not root, unless that bit is set. It grants nothing by itself.
 * @see capabilities(7), "The securebits flags"
 */
import { Effect } from "effect"
import fs from "node:fs/promises"
import { type Binaries } from "./Binaries.ts"
import { DataDirUnusable, PostgresBinaryMissing } from "./EmbeddedPostgresErrors.ts"
import * as Shell from "./Shell.ts"

export interface RunAs {
  /** Undefined: as ourselves. Defined: files of the cluster must belong to these. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
  /** Goes before the program: `[...prefix, postgres, …]`. */
  readonly prefix: ReadonlyArray<string>
  /** For the spawning itself, where no `setpriv` exists. */
  readonly identity: { readonly uid: number; readonly gid: number } | undefined
  /** Of the server's binaries, as 18. */
  readonly majorVersion: number
}

/** What a user id means here; undefined when we are not root. */
const whoScript = `
[ "$(id -u)" = 0 ] || exit 0
id -u nobody && id -g nobody`

const variantsFor = (
  owner: { readonly uid: number; readonly gid: number },
): ReadonlyArray<Omit<RunAs, "majorVersion">> => {
  const bare = ["setpriv", `--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups"]
  const capable = (capability: string) => [
    ...bare,
    "--securebits=+no_setuid_fixup",
    `--inh-caps=+${capability}`,
    `--ambient-caps=+${capability}`,
  ]
  return [
    { owner, prefix: capable("dac_read_search"), identity: undefined },
    { owner, prefix: capable("dac_override"), identity: undefined },
    { owner, prefix: bare, identity: undefined },
    { owner, prefix: [], identity: owner },
  ]
}

/**
 * Tries each candidate with `initdb --show`, which finds and runs both programs, changes nothing and takes 15 ms: a
 * missing library, a refused capability and a closed folder all show here, before any file is made.
 */
export const decide: (options: {
  readonly binaries: Binaries
  readonly dataDir: string
  /** Where the cluster is, or will be. */
  readonly cluster: string
}) => Effect.Effect<RunAs, DataDirUnusable | PostgresBinaryMissing> = Effect.fn("RunAs.decide")(
  function* ({ binaries, dataDir, cluster }) {
    const who = yield* Shell.run(whoScript, [])
    const [uid, gid] = who.stdout.trim().split("\n").map(Number)
    const owner = uid === undefined || gid === undefined || Number.isNaN(uid + gid)
      ? undefined
      : (yield* ownerOf(cluster)) ?? { uid, gid }
    const variants = owner === undefined ? [{ owner, prefix: [], identity: undefined }] : variantsFor(owner)
    let detail = ""
    for (const variant of variants) {
      const tried = yield* tryVariant(variant, binaries, dataDir)
      if (typeof tried === "number") return { ...variant, majorVersion: tried }
      detail = tried
    }
    // Postgres tells its version even to root: what does not run now runs for nobody.
    const runs = yield* Shell.exec([binaries.postgres, "--version"])
    return yield* owner !== undefined && runs.code === 0
      ? new DataDirUnusable({ dataDir, reason: "Unreachable", detail })
      : new PostgresBinaryMissing({
        platform: binaries.platform,
        reason: "NotRunnable",
        detail: lastLineOf(runs.stderr) || detail,
      })
  },
)

/** The major version, or why not. */
const tryVariant = Effect.fnUntraced(
  function* (variant: Omit<RunAs, "majorVersion">, binaries: Binaries, dataDir: string) {
    const options = variant.identity === undefined ? {} : { identity: variant.identity }
    const inside = 'cd "$1" && exec "$2" --show -D "$1/postgres"'
    const command = [...variant.prefix, "/bin/sh", "-c", inside, "sh", dataDir, binaries.initdb]
    const tried = yield* Shell.exec(command, options).pipe(
      // Root without the right to change its uid, as in a container stripped of it.
      Effect.catchDefect((cause) => Effect.succeed({ code: 126, stdout: "", stderr: String(cause) })),
    )
    const major = /^VERSION=(\d+)/m.exec(tried.stdout + tried.stderr)?.[1]
    return tried.code === 0 && major !== undefined ? Number(major) : lastLineOf(tried.stderr)
  },
)

const lastLineOf = (text: string): string => text.trim().split("\n").at(-1) ?? ""

/** Who owns an existing cluster, so that one made by a normal user stays theirs when root starts it. */
const ownerOf = (cluster: string) =>
  Effect.promise(() =>
    fs.stat(cluster).then(
      (found) => found.uid === 0 ? undefined : { uid: found.uid, gid: found.gid },
      () => undefined,
    )
  )
