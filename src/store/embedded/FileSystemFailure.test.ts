import { describe, expect, it } from "vitest"
import { failureOf, saysDiskFull } from "./FileSystemFailure.ts"

const systemError = (code: string) => Object.assign(new Error(`${code}: write`), { code })

describe("failing file work", () => {
  it.each(["ENOSPC", "EDQUOT"])("%s is a full disk", (code) => {
    expect(failureOf("/data", systemError(code))).toMatchObject({ _tag: "DiskFull", dataDir: "/data" })
  })

  it.each(["EACCES", "EROFS", "ENOTDIR"])("%s is a folder that cannot be written", (code) => {
    expect(failureOf("/data", systemError(code))).toMatchObject({ _tag: "DataDirUnusable", detail: code })
  })

  it.each([
    "initdb: error: could not write file: No space left on device",
    'ERROR:  could not extend file "base/1/1259": wrote only 4096 of 8192 bytes at block 3',
    "HINT:  Check free disk space.",
  ])("Postgres tells a full disk by: %s", (text) => {
    expect(saysDiskFull(text)).toBe(true)
  })

  it("an ordinary log tells of no full disk", () => {
    expect(saysDiskFull("LOG:  database system is ready to accept connections")).toBe(false)
  })
})
