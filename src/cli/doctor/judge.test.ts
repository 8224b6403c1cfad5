import { describe, expect, it } from "vitest"
import { failedWith } from "./Finding.ts"
import { judgeClock, judgeDisk, judgeFolder, judgePort, judgeRuntime, judgeSettings } from "./judge.ts"
import type { FolderFacts } from "./judge.ts"
import { judgePermissions } from "./permissionCheck.ts"
import { judgeTimeZones } from "./timeCheck.ts"
import { judgeAnswer } from "./todoistCheck.ts"

describe("doctor - runtime", () => {
  it.each(
    [
      ["Node", "22.18.9", "fail"],
      ["Node", "22.19.0", "ok"],
      ["Node", "24.1.0", "ok"],
      ["Node", "20.11.1", "fail"],
      ["Deno", "2.9.6", "ok"],
      ["Deno", "2.10.0", "ok"],
      ["Deno", "2.8.9", "fail"],
      ["Deno", "3.0.0", "ok"],
    ] as const,
  )("%s %s is %s", (name, version, status) => {
    expect(judgeRuntime({ name, version }, "2.9.6").status).toBe(status)
  })
})

describe("doctor - settings", () => {
  it("names every problem at once", () => {
    expect(judgeSettings(["PORT: no", "POLICY: no"])).toMatchObject({ status: "fail", seen: "PORT: no; POLICY: no" })
    expect(judgeSettings([])).toEqual({ status: "ok", seen: "all as expected" })
  })
})

describe("doctor - disk", () => {
  it.each([[99_999_999, "fail"], [100_000_000, "warn"], [499_999_999, "warn"], [500_000_000, "ok"]] as const)(
    "%i bytes free is %s",
    (freeBytes, status) => expect(judgeDisk(freeBytes, "/data").status).toBe(status),
  )
})

describe("doctor - data folder", () => {
  const cluster = { uid: 1000, mode: 0o700, version: "18" }
  const facts: FolderFacts = {
    folder: "/data",
    nearest: "/data",
    isFolder: true,
    writable: true,
    uid: 1000,
    heldBy: undefined,
    cluster,
  }

  it.each<[string, Partial<FolderFacts>, string, string]>([
    ["in use", { heldBy: 42 }, "ok", "/data holds a database of Postgres 18, in use by process 42"],
    ["not in use", {}, "ok", "/data holds a database of Postgres 18, not in use"],
    ["empty", { cluster: undefined }, "ok", "/data can be written; the database will be made at the first start"],
    ["missing", { nearest: "/", cluster: undefined }, "ok", "/data will be made at the first start"],
    ["a file", { isFolder: false }, "fail", "/data is not a folder"],
    ["closed", { writable: false }, "fail", "/data cannot be written by user 1000"],
    ["another's", { uid: 1001 }, "fail", "the database in /data belongs to user 1000, this is user 1001"],
    ["another's, for root", { uid: 0 }, "ok", "/data holds a database of Postgres 18, not in use"],
    ["open to others", { cluster: { ...cluster, mode: 0o755 } }, "fail", "the database in /data has mode 755"],
    [
      "open to the group",
      { cluster: { ...cluster, mode: 0o750 } },
      "ok",
      "/data holds a database of Postgres 18, not in use",
    ],
  ])("%s", (_, changed, status, seen) => {
    expect(judgeFolder({ ...facts, ...changed })).toMatchObject({ status, seen })
  })
})

describe("doctor - clock", () => {
  const steady = { wallMs: 50, monotonicMs: 50 }
  const beside = (aheadMs: number, uncertainMs = 0) => judgeClock([{ of: "Postgres", aheadMs, uncertainMs }], steady)

  it("within two seconds agrees", () => {
    expect(beside(-1_999)).toEqual({ status: "ok", seen: "agrees with Postgres" })
  })

  it("what the measurement itself may be off by is not held against it", () => {
    expect(beside(2_400, 500).status).toBe("ok")
    expect(beside(2_600, 500).status).toBe("warn")
  })

  it("says by how much, and which way", () => {
    expect(beside(3_200)).toMatchObject({ status: "warn", seen: "3.2 s ahead of Postgres" })
    expect(beside(-61_000)).toMatchObject({ status: "fail", seen: "61.0 s behind Postgres" })
  })

  it("one that jumps, stands or goes back is none", () => {
    expect(judgeClock([], { wallMs: 5_000, monotonicMs: 50 }).status).toBe("fail")
    expect(judgeClock([], { wallMs: 50, monotonicMs: 0 }).status).toBe("fail")
    expect(judgeClock([], { wallMs: -3_600_000, monotonicMs: 50 }).status).toBe("fail")
  })
})

describe("doctor - port", () => {
  const where = { host: "127.0.0.1", port: 8080 }
  const ours = { kind: "taken", tipstream: { version: "0.1.0", uptimeMs: 7_400 } } as const

  it("free", () => {
    expect(judgePort(where, { kind: "free" }, false)).toEqual({ status: "ok", seen: "127.0.0.1:8080 is free" })
  })

  it("held by another program", () => {
    expect(judgePort(where, { kind: "taken", tipstream: undefined }, true)).toMatchObject({
      status: "fail",
      mend: "stop what listens on 127.0.0.1:8080, or set PORT to another",
    })
  })

  it("held by the service of this folder, or by one that may be", () => {
    const seen = "127.0.0.1:8080 is held by tipstream 0.1.0, up for 7 s"
    expect(judgePort(where, ours, true)).toEqual({ status: "ok", seen })
    expect(judgePort(where, ours, undefined)).toEqual({ status: "ok", seen })
  })

  it("held by the service of another folder", () => {
    expect(judgePort(where, ours, false).status).toBe("fail")
  })

  it("refused for another reason, in the words of the start", () => {
    const message = "no permission to listen on 127.0.0.1:80: set PORT to one above 1023"
    expect(judgePort(where, { kind: "refused", message }, false)).toEqual({
      status: "fail",
      seen: "no permission to listen on 127.0.0.1:80",
      mend: "set PORT to one above 1023",
    })
  })
})

describe("doctor - permissions", () => {
  it("names each that is missing once", () => {
    const state = "prompt"
    const judged = judgePermissions([
      { need: { name: "env", variable: "PORT" }, state },
      { need: { name: "net", host: "db.example" }, state },
      { need: { name: "net", host: "db.example" }, state },
      { need: { name: "write", path: "/data" }, state },
      { need: { name: "run", command: "/bin/sh" }, state: "granted" },
    ])
    expect(judged.seen).toBe("Deno does not permit reading PORT, talking to db.example, to write /data")
  })
})

describe("doctor - time zones", () => {
  it("a runtime without their data is told by the hour it gives", () => {
    const utc = (_: string, at: Date) => String(at.getUTCHours())
    expect(judgeTimeZones(utc, "UTC")).toMatchObject({ status: "fail" })
  })

  it("a machine that does not say where it is gets a warning", () => {
    const hours: Readonly<Record<string, string>> = {
      "0Europe/Madrid": "13",
      "6Europe/Madrid": "14",
      "6Asia/Kolkata": "17",
    }
    const known = (zone: string, at: Date) => hours[at.getUTCMonth() + zone] ?? ""
    expect(judgeTimeZones(known, undefined).status).toBe("warn")
    expect(judgeTimeZones(known, "Europe/Madrid")).toEqual({
      status: "ok",
      seen: "known; this machine is in Europe/Madrid",
    })
  })
})

describe("doctor - Todoist", () => {
  it.each(
    [[200, true, "ok"], [401, false, "ok"], [401, true, "warn"], [403, true, "warn"], [503, false, "warn"]] as const,
  )(
    "%i with a token: %s, is %s",
    (code, withToken, status) => expect(judgeAnswer("todoist", code, withToken).status).toBe(status),
  )
})

describe("doctor - a failure's message", () => {
  it("is parted into what is wrong and what to do", () => {
    expect(failedWith({ message: "10.0.0.1:80 is taken (code: 7): set PORT" })).toEqual({
      status: "fail",
      seen: "10.0.0.1:80 is taken (code: 7)",
      mend: "set PORT",
    })
    expect(failedWith({ message: "no way out" })).toEqual({ status: "fail", seen: "no way out" })
  })
})
