/** Puts the peer where it can be loaded from: pinned, apart from our dependencies, once per machine. */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

const packages = ["@moleculer/channels@0.1.8", "moleculer@0.14.36", "nats@2.29.3"] as const

const folder = fileURLToPath(new URL("../../node_modules/.cache/bench-moleculer", import.meta.url))

/** A registry that does not answer in this time is not going to. */
const installMaxMs = 120_000

/** The folder, or why the peer cannot run. */
export function installPeer(): { readonly folder: string } | { readonly problem: string } {
  const marker = path.join(folder, "installed.json")
  const wanted = JSON.stringify(packages)
  if (fs.existsSync(marker) && fs.readFileSync(marker, "utf8") === wanted) return { folder }
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true }))
  const args = [
    "install",
    "--prefix",
    folder,
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--save-exact",
    ...packages,
  ]
  const { error, status, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8", timeout: installMaxMs })
  if (status !== 0) {
    const said = /npm (?:error|ERR!) (?:code )?(\S.*)/.exec(stderr ?? "")?.[1]
    return { problem: `npm could not install it: ${said ?? error?.message ?? `exit ${status}`}` }
  }
  fs.writeFileSync(marker, wanted)
  return { folder }
}
