import { describe, expect, it } from "vitest"
import { readConfig } from "./config.ts"

const problemsOf = (environment: Record<string, string>) => readConfig(environment).problems

describe("addresses of NATS", () => {
  it("are refused with the other problems when their port is impossible or their host is missing", () => {
    for (const server of ["nats://a:99999", "nats://a:-1", "nats://a:0", "nats://", "nats://a:4222,nats://b:70000"]) {
      expect(problemsOf({ NATS_URL: server, POLICY: "x" }), server).toEqual([
        expect.stringContaining("NATS_URL: expected nats://host:4222"),
        expect.stringContaining("POLICY: "),
      ])
    }
    expect(problemsOf({ NATS_URL: "nats://u:p@a:65535, tls://[::1]:1,nats://c" })).toEqual([])
  })
})

describe("limits of streams", () => {
  const problemOf = (limits: string) => problemsOf({ STREAM_LIMITS: limits })

  it("name the fields there are, and stand once each", () => {
    expect(readConfig({ STREAM_LIMITS: "SIGNALS.max_msgs=7, SIGNALS.max_bytes=0" }).config?.streamLimits).toEqual([
      { stream: "SIGNALS", field: "max_msgs", value: 7 },
      { stream: "SIGNALS", field: "max_bytes", value: 0 },
    ])
    expect(problemOf("SIGNALS.max_age=7")).toEqual([
      "STREAM_LIMITS: there is no field max_age; there are max_age_ms, max_msgs, max_bytes",
    ])
    expect(problemOf("A.max_msgs=7,A.max_bytes=1,A.max_msgs=8")).toEqual(["STREAM_LIMITS: A.max_msgs is given twice"])
    expect(problemOf("SIGNALS.max_msgs=-1")).toEqual([expect.stringContaining("expected STREAM.max_msgs=100000")])
  })
})
