import { Effect, Exit, Scope } from "effect"
import { spawnSync } from "node:child_process"
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import { describe, expect, it, vi } from "vitest"
import { temporaryFolders } from "../../../test/support/temporaryFolder.ts"
import { acquireLock } from "./DataDirLock.ts"
import * as ProcessIdentity from "./ProcessIdentity.ts"

const lockOf = (dataDir: string) => path.join(dataDir, "tipstream.lock")

const acquireForever = (dataDir: string) =>
  Effect.runPromiseExit(Scope.provide(acquireLock(dataDir), Scope.makeUnsafe()))

const whileHeld = <A>(dataDir: string, use: () => Promise<A>) =>
  Effect.runPromise(Effect.scoped(Effect.andThen(acquireLock(dataDir), Effect.promise(use))))

/** The pid of a process that has ended. */
const deadPid = () => spawnSync("true").pid

const claimOf = (token: string, pid: number, startedAt: string) => JSON.stringify({ pid, startedAt, token })

describe("data folder lock", () => {
  const folder = temporaryFolders()

  it("creates the folder for its owner alone, and leaves no file when it is given back", async () => {
    const dataDir = path.join(await folder(), "a", "b")
    await whileHeld(dataDir, async () => {
      expect((await fs.stat(dataDir)).mode & 0o777).toBe(0o700)
      expect(await fs.readdir(dataDir)).toEqual(["tipstream.lock"])
    })
    expect(await fs.readdir(dataDir)).toEqual([])
  })

  it("a held folder is refused, with the holder's pid and what to do", async () => {
    const dataDir = await folder()
    await whileHeld(dataDir, async () => {
      const error = await Effect.runPromise(Effect.flip(Effect.scoped(acquireLock(dataDir))))
      expect(error).toMatchObject({ _tag: "DataDirInUse", dataDir, pid: process.pid })
      expect(error.message).toContain("stop it, or set DATA_DIR")
      expect(await fs.readdir(dataDir)).toEqual(["tipstream.lock"])
    })
  })

  it("a dead holder is followed", async () => {
    const dataDir = await folder()
    await fs.writeFile(lockOf(dataDir), claimOf("t0", deadPid(), "1"))
    await whileHeld(dataDir, async () => expect(await fs.readdir(dataDir)).toEqual(["tipstream.lock"]))
  })

  it("a pid that another process got since does not pass for the holder", async () => {
    const dataDir = await folder()
    await fs.writeFile(lockOf(dataDir), claimOf("t0", process.pid, "1"))
    await whileHeld(dataDir, async () => expect(await fs.readFile(lockOf(dataDir), "utf8")).not.toContain("t0"))
  })

  it("a follower that died before it had taken over is followed itself", async () => {
    const dataDir = await folder()
    await fs.writeFile(lockOf(dataDir), claimOf("t0", deadPid(), "1"))
    await fs.writeFile(`${lockOf(dataDir)}.after-t0`, claimOf("t1", deadPid(), "1"))
    await whileHeld(dataDir, async () => expect(await fs.readdir(dataDir)).toEqual(["tipstream.lock"]))
  })

  it("a live follower of a dead holder counts, also before it has taken over", async () => {
    const dataDir = await folder()
    const startedAt = (await Effect.runPromise(ProcessIdentity.startedAt(process.pid))) ?? ""
    await fs.writeFile(lockOf(dataDir), claimOf("t0", deadPid(), "1"))
    await fs.writeFile(`${lockOf(dataDir)}.after-t0`, claimOf("t1", process.pid, startedAt))
    const error = await Effect.runPromise(Effect.flip(Effect.scoped(acquireLock(dataDir))))
    expect(error).toMatchObject({ _tag: "DataDirInUse", pid: process.pid })
  })

  it("one that was slow to follow a dead holder steps back when another has followed it", async () => {
    const dataDir = await folder()
    const startedAt = (await Effect.runPromise(ProcessIdentity.startedAt(process.pid))) ?? ""
    const winner = claimOf("t1", process.pid, startedAt)
    await fs.writeFile(lockOf(dataDir), claimOf("t0", deadPid(), "1"))
    const link = fs.link
    const slow = vi.spyOn(fs, "link").mockImplementationOnce(async (draft, claim) => {
      await fs.writeFile(lockOf(dataDir), winner)
      await link(draft, claim)
    })
    const error = await Effect.runPromise(Effect.flip(Effect.scoped(acquireLock(dataDir))))
    slow.mockRestore()
    expect(error).toMatchObject({ _tag: "DataDirInUse", pid: process.pid })
    expect(await fs.readFile(lockOf(dataDir), "utf8")).toBe(winner)
    expect(await fs.readdir(dataDir)).toEqual(["tipstream.lock"])
  })

  it.each(["", "{", "[]"])("a damaged file (%j) is followed like a dead holder", async (text) => {
    const dataDir = await folder()
    await fs.writeFile(lockOf(dataDir), text)
    await whileHeld(dataDir, async () => expect(await fs.readdir(dataDir)).toEqual(["tipstream.lock"]))
  })

  it("of many that come at once after a dead holder, exactly one gets the folder", async () => {
    for (let round = 0; round < 5; round++) {
      const dataDir = await folder()
      await fs.writeFile(lockOf(dataDir), claimOf("t0", deadPid(), "1"))
      const exits = await Promise.all(Array.from({ length: 12 }, () => acquireForever(dataDir)))
      expect(exits.filter(Exit.isSuccess)).toHaveLength(1)
    }
  })

  it("a folder below a file is unusable, and the message says what to do", async () => {
    const file = path.join(await folder(), "file")
    await fs.writeFile(file, "")
    const error = await Effect.runPromise(Effect.flip(Effect.scoped(acquireLock(path.join(file, "data")))))
    expect(error).toMatchObject({ _tag: "DataDirUnusable", reason: "NotWritable", detail: "ENOTDIR" })
    expect(error.message).toContain("set DATABASE_URL")
  })
})
