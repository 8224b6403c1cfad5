import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { isEventClass, parseSubject, partitionOf, streamNames, streamOfClass, subjectOf } from "./names.ts"
import type { EventClass, Subject } from "./names.ts"

const classes = Object.keys(streamOfClass) as ReadonlyArray<EventClass>

const anyToken = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const anySubject: fc.Arbitrary<Subject> = fc.record({
  tenantId: anyToken.map((token) => TenantId.make(token)),
  userId: anyToken.map((token) => UserId.make(token)),
  eventClass: fc.constantFrom(...classes),
  entity: anyToken,
  event: anyToken,
  partition: fc.nat(99),
})

const owner = (tenant: string, user: string) => ({ tenantId: TenantId.make(tenant), userId: UserId.make(user) })
const example: Subject = {
  ...owner("acme", "u8f3kq"),
  eventClass: "signals",
  entity: "task",
  event: "appeared",
  partition: 7,
}

/** What would be stored or read under somebody else's subject, or under none. */
const hostile = ["", ".", "a.b", "*", ">", "a b", "a\tb", "a\n", "\u0000", "ä", "😀", "a/b", "$SYS", "x".repeat(65)]

describe("subjects", () => {
  it("are written as the wire contract shows", () => {
    expect(subjectOf(example)).toBe("tenant.acme.signals.task.appeared.07.u8f3kq")
    expect(parseSubject("tenant.acme.signals.task.appeared.07.u8f3kq")).toEqual(example)
  })

  it("say what they were built from", () => {
    fc.assert(fc.property(anySubject, (subject) => {
      expect(parseSubject(subjectOf(subject))).toEqual(subject)
    }))
  })

  it("are refused when a part is no token, whichever part it is", () => {
    for (const token of hostile) {
      for (const part of ["tenantId", "userId", "entity", "event"] as const) {
        expect(() => subjectOf({ ...example, [part]: token }), `${part} ${JSON.stringify(token)}`).toThrow(
          "not a subject token",
        )
      }
    }
  })

  it("are not read when a token is hostile, whichever it is", () => {
    const tokens = subjectOf(example).split(".")
    for (const token of hostile) {
      for (let at = 0; at < tokens.length; at++) {
        expect(parseSubject(tokens.with(at, token).join(".")), `${at} ${JSON.stringify(token)}`).toBeUndefined()
      }
    }
  })

  it("never hold more than one token per part, for any text at all", () => {
    fc.assert(fc.property(fc.string(), (text) => {
      let subject: string
      try {
        subject = subjectOf({ ...example, entity: text })
      } catch {
        return
      }
      expect(subject.split(".")).toHaveLength(7)
      expect(parseSubject(subject)?.entity).toBe(text)
    }))
  })

  it("of another shape are not ours", () => {
    const near = [
      "",
      "tenant.acme.signals.task.appeared.07",
      "tenant.acme.signals.task.appeared.07.u8f3kq.more",
      "tenants.acme.signals.task.appeared.07.u8f3kq",
      "tenant.acme.dead.task.appeared.07.u8f3kq",
      "tenant.acme.toString.task.appeared.07.u8f3kq",
      "tenant.acme.signals.task.appeared.7.u8f3kq",
      "tenant.acme.signals.task.appeared.007.u8f3kq",
      "tenant.acme.signals.task.appeared.-7.u8f3kq",
      "tenant.acme.signals.task.appeared.1e.u8f3kq",
      "tenant.acme.signals.task.appeared.07.u8f3kq\n",
    ]
    for (const text of near) expect(parseSubject(text), JSON.stringify(text)).toBeUndefined()
  })

  it("hold a partition of two digits and no other", () => {
    for (const partition of [-1, 100, 1.5, NaN]) {
      expect(() => subjectOf({ ...example, partition })).toThrow("not a partition")
    }
  })
})

describe("event classes", () => {
  it("are the four streams, and nothing an object inherits", () => {
    expect(classes.map((one) => streamOfClass[one])).toEqual(["SIGNALS", "DECISIONS", "FEEDBACK", "ACCOUNTS"])
    expect(streamNames).toEqual(["SIGNALS", "DECISIONS", "FEEDBACK", "ACCOUNTS"])
    expect(classes.every(isEventClass)).toBe(true)
    expect(["", "Signals", "constructor", "__proto__", "dead"].some(isEventClass)).toBe(false)
  })
})

describe("partitions", () => {
  // Computed with another implementation of FNV-1a (32 bit), one that reproduces the published hash of "foobar".
  it("are FNV-1a of tenant and user, for ever", () => {
    const whole = 2 ** 32
    expect(partitionOf(owner("default", "u8f3kq"), whole)).toBe(286327565)
    expect(partitionOf(owner("acme", "u1"), whole)).toBe(4273903546)
    expect(partitionOf(owner("a", "b"), whole)).toBe(982414785)
    expect(partitionOf(owner("A-Z_09", "z"), whole)).toBe(745780678)
    expect([owner("default", "u8f3kq"), owner("acme", "u1"), owner("a", "b"), owner("A-Z_09", "z")]
      .map((one) => partitionOf(one, 8))).toEqual([5, 2, 1, 6])
  })

  it("are whole numbers below their count, the same each time", () => {
    fc.assert(fc.property(anySubject, fc.integer({ min: 1, max: 64 }), (subject, partitions) => {
      const partition = partitionOf(subject, partitions)
      expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
      expect(partitionOf({ ...subject }, partitions)).toBe(partition)
    }))
  })

  it("share users evenly: none holds a fifth more or less than its part of 8000", () => {
    const counts = Array.from({ length: 8 }, () => 0)
    for (let user = 0; user < 8_000; user++) counts[partitionOf(owner("default", `u${user}`), 8)]! += 1
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(200)
  })
})
