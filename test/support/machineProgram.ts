/**
 * Programs of the machine that tests need and no package brings: named by a variable, else in PATH or a folder of
 * system programs, else installed now, as root on Debian. Throws naming the three ways when there is none.
 */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import process from "node:process"

export interface MachineProgram {
  /** Environment variable that names it. */
  readonly variable: string
  readonly names: ReadonlyArray<string>
  readonly debianPackage: string
}

/** Not on a normal user's PATH, yet where Debian puts servers. */
const systemFolder = "/usr/sbin"

export const findProgram = (program: MachineProgram): string => {
  // The border of the test process: config.ts is for the service.
  const given = process.env[program.variable]
  if (given !== undefined && given !== "") {
    if (!fs.existsSync(given)) throw new Error(`${program.variable} names ${given}, which does not exist`)
    return given
  }
  const found = inPath(program) ?? installed(program)
  if (found === undefined) throw new Error(ways(program))
  return found
}

export const isRoot = (): boolean => process.getuid?.() === 0

const ways = ({ variable, names, debianPackage }: MachineProgram): string =>
  [
    `no ${names[0]} was found. One of these gives the tests one:`,
    `  ${variable}=/path/to/${names[0]} npm test`,
    `  ${names.join(" or ")} in PATH`,
    `  apt-get install ${debianPackage} (done by the tests themselves when they run as root on Debian)`,
  ].join("\n")

const inPath = ({ names }: MachineProgram): string | undefined => {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter).filter((folder) => folder !== "")
  return names.flatMap((name) => [...folders, systemFolder].map((folder) => path.join(folder, name)))
    .find((file) => fs.existsSync(file))
}

const installed = (program: MachineProgram): string | undefined => {
  if (!isRoot() || !fs.existsSync("/etc/debian_version")) return undefined
  const options = { encoding: "utf8", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const
  const apt = (...args: Array<string>) => spawnSync("apt-get", args, options)
  const install = () => apt("install", "-y", "--no-install-recommends", program.debianPackage)
  let outcome = install()
  // A bare machine has no package lists yet.
  if (outcome.status !== 0 && apt("update").status === 0) outcome = install()
  if (outcome.status !== 0) {
    throw new Error(`${ways(program)}\napt-get said: ${outcome.stderr ?? outcome.error?.message}`)
  }
  return inPath(program)
}
