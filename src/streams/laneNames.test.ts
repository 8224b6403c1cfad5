import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { deadSubject, laneDurable, streamNames } from "./names.ts"

const lane = fc.record({
  durable: fc.stringMatching(/^[a-z][a-z_]{0,23}$/),
  stream: fc.constantFrom(...streamNames),
  partition: fc.option(fc.nat(63), { nil: undefined }),
  partitions: fc.integer({ min: 1, max: 64 }),
  version: fc.integer({ min: 1, max: 99 }),
})

describe("names of durables", () => {
  it("stay what they are: another name is another position in the log", () => {
    const part = { durable: "recommender_project_candidates", stream: "SIGNALS", partitions: 8, version: 1 } as const
    expect(laneDurable({ ...part, partition: 7 })).toBe("recommender_project_candidates-v1-p07-f1b48f1f")
    const whole = { durable: "recommender_learn", stream: "FEEDBACK", partitions: 8, version: 1 } as const
    expect(laneDurable({ ...whole, partition: undefined })).toBe("recommender_learn-v1-all-32ef57d6")
  })

  it("are shared by no two lanes of any stream, number of partitions and version", () => {
    const names = new Set<string>()
    let lanes = 0
    for (const durable of ["recommender_project_candidates", "recommender_learn"]) {
      for (const stream of streamNames) {
        for (let partitions = 1; partitions <= 64; partitions++) {
          for (let partition = 0; partition < partitions; partition++) {
            for (const version of [1, 2]) {
              const one = { durable, stream, partition, partitions, version }
              names.add(laneDurable(one))
              lanes++
            }
          }
        }
      }
    }
    expect(names.size).toBe(lanes)
  })

  it("hold nothing that a server refuses or a subject would take apart, and are short enough for a file name", () => {
    fc.assert(fc.property(lane, (one) => {
      expect(laneDurable(one)).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
    }))
  })
})

describe("the subject of a dead letter", () => {
  it("keeps tenant and user of one of ours, and takes nothing over from any other", () => {
    fc.assert(fc.property(fc.constantFrom(...streamNames), fc.string(), (stream, subject) => {
      expect(deadSubject({ subject: `tenant.${subject}`, stream }, "reader"))
        .toMatch(/^tenant\.[A-Za-z0-9_-]{1,64}\.dead\.[a-z]+\.reader\.[A-Za-z0-9_-]{1,64}$/)
    }))
    expect(deadSubject({ subject: "tenant.acme.signals.task.appeared.07.u1", stream: "SIGNALS" }, "reader"))
      .toBe("tenant.acme.dead.signals.reader.u1")
    expect(deadSubject({ subject: "tenant.*.signals.>", stream: "SIGNALS" }, "reader")).not.toMatch(/[*>]/)
  })
})
