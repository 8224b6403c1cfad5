import { execFile } from "node:child_process"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

const program = fileURLToPath(new URL("./withoutAsyncContext.fixture.ts", import.meta.url))
const command = "Deno" in globalThis ? ["run", "-A", "--v8-flags=--expose-gc"] : ["--expose-gc"]

it("a fiber keeps nothing of the waits behind it", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...command, program], { timeout: 30_000 })
  expect(Number(stdout)).toBeLessThan(40)
}, 40_000)
