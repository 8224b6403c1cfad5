/**
 * A headless Chromium for tests that need a real browser. None is shipped: it is the machine's own.
 */
import type { Browser } from "playwright-core"
import { chromium } from "playwright-core"
import { findProgram, isRoot } from "./machineProgram.ts"

const program = {
  variable: "CHROMIUM",
  names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  debianPackage: "chromium",
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
    executablePath: findProgram(program),
    headless: true,
    // Chromium refuses to sandbox root.
    args: isRoot() ? [...quiet, "--no-sandbox"] : quiet,
  })
}
