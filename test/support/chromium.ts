/**
 * A headless Chromium for tests that need a real browser. None is shipped: it is the machine's own.
 */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import process from "node:process"
import type { Browser } from "playwright-core"
import { chromium } from "playwright-core"

const names = ["chromium", "chromium-browser", "google-chrome"]

const threeWays = [
  "no Chromium was found. One of these gives the tests one:",
  "  CHROMIUM=/path/to/chromium npm test",
  `  ${names.join(", ")} or google-chrome-stable in PATH`,
  "  apt-get install chromium (done by the tests themselves when they run as root on Debian)",
].join("\n")

function inPath(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter).filter((folder) => folder !== "")
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find((file) => fs.existsSync(file))
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

function installed(): string | undefined {
  if (!isRoot() || !fs.existsSync("/etc/debian_version")) return undefined
  const options = { encoding: "utf8", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const
  const apt = (...args: Array<string>) => spawnSync("apt-get", args, options)
  const install = () => apt("install", "-y", "--no-install-recommends", "chromium")
  let outcome = install()
  // A bare machine has no package lists yet.
  if (outcome.status !== 0 && apt("update").status === 0) outcome = install()
  if (outcome.status !== 0) throw new Error(`${threeWays}\napt-get said: ${outcome.stderr ?? outcome.error?.message}`)
  return inPath()
}

/** Where Chromium is: `CHROMIUM`, else PATH, else installed now; throws naming the three ways when there is none. */
function findChromium(): string {
  const given = process.env["CHROMIUM"]
  if (given !== undefined && given !== "") {
    if (!fs.existsSync(given)) throw new Error(`CHROMIUM names ${given}, which does not exist`)
    return given
  }
  const found = inPath() ?? installed()
  if (found === undefined) throw new Error(threeWays)
  return found
}

/** Talks to nobody but the pages under test. */
const quiet = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-domain-reliability",
  "--disable-sync",
  "--metrics-recording-only",
  "--no-first-run",
  "--no-pings",
]

/** A browser of its own; the caller closes it. On a bare Debian machine the first call installs one: allow a minute. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    // Chromium refuses to sandbox root.
    args: isRoot() ? [...quiet, "--no-sandbox"] : quiet,
  })
}
