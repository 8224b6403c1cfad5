import { describe, expect, it } from "vitest"
import type { Finding } from "./Finding.ts"
import { jsonOf, rowOf, verdictOf } from "./report.ts"

const port: Finding = { check: "port", status: "ok", seen: "127.0.0.1:8080 is free" }
const disk: Finding = { check: "disk", status: "warn", seen: "120 MB free", mend: "free some" }
const postgres: Finding = {
  check: "postgres",
  status: "fail",
  seen: "Postgres at db.example:5432/tipstream cannot be reached (connect ECONNREFUSED)",
  mend: "start it",
}

describe("doctor's report", () => {
  it("stands in columns, what to do below what was seen", () => {
    expect([port, disk].map((finding) => rowOf(finding, 100)).join("\n")).toBe(
      "ok    port         127.0.0.1:8080 is free\n" +
        "warn  disk         120 MB free\n" +
        "                   → free some",
    )
  })

  it("wraps to the terminal, and leaves words whole", () => {
    expect(rowOf(postgres, 40).split("\n")).toEqual([
      "FAIL  postgres     Postgres at db.example:5432/tipstream",
      "                   cannot be reached (connect ECONNREFUSED)",
      "                   → start it",
    ])
  })

  it("as JSON is ok without failures, and keeps only the fields it promises", () => {
    expect(JSON.parse(jsonOf([port, disk]))).toEqual({ ok: true, findings: [port, disk] })
    expect(JSON.parse(jsonOf([port, postgres])).ok).toBe(false)
    expect(Object.keys(JSON.parse(jsonOf([port])).findings[0])).toEqual(["check", "status", "seen"])
  })

  it("ends with the count", () => {
    expect(verdictOf([port])).toBe("all 1 checks passed")
    expect(verdictOf([port, disk, postgres])).toBe("3 checks: 1 failed, 1 to look at")
  })
})
