import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { apple, eventOf, feedOf, finished, google, nowMs, outlook } from "./feed.fixture.ts"
import { type FeedReading, readFeed as steps } from "./feedTasks.ts"

const readFeed = (bytes: Uint8Array, at: number) => finished(steps(bytes, at))

const read = (bytes: Uint8Array, at = nowMs): FeedReading => {
  const outcome = readFeed(bytes, at)
  if (outcome._tag !== "Read") throw new Error(outcome._tag)
  return outcome
}

const shown = (bytes: Uint8Array, at = nowMs) =>
  read(bytes, at).tasks.map(({ state, task: { due, durationMinutes, priority, title } }) => [
    state,
    title,
    due === null ? null : due.atMs === null ? due.date : `${due.date} ${new Date(due.atMs).toISOString().slice(0, 16)}`,
    durationMinutes,
    priority,
  ])

const event = (...lines: ReadonlyArray<string>) => shown(feedOf(eventOf(...lines))).map(([, , due]) => due)

const timesOf = (...components: ReadonlyArray<string>) => shown(feedOf(...components)).map(([, , due]) => due)

describe("feeds of three vendors", () => {
  it("Google's: zone of the reader, moved and excluded occurrences, whole days, a fold inside an emoji", () => {
    expect(shown(google())).toEqual([
      ["open", "Stand-up (moved)", "2026-11-23 2026-11-23T15:00", 15, 1],
      ["open", "Call with Kuala Lumpur \u{1F30F} at night, late", "2026-11-24 2026-11-23T23:00", 30, 1],
      ["open", "Trip", "2026-11-24", null, 1],
    ])
    const { quarantined, tasks, timeZone } = read(google())
    expect([timeZone, quarantined]).toEqual(["Europe/Berlin", []])
    expect(tasks.map(({ task }) => task.deepLink)).toEqual(["", "https://calendar.google.com/event?eid=abc", ""])
    expect(tasks[2]?.task.labels).toEqual(["Travel", "Family, close"])
    expect(tasks[1]?.task.addedAtMs).toBe(Date.parse("2026-11-01T12:00:00Z"))
    expect(JSON.stringify(tasks)).not.toMatch(/canary/i)
  })

  it("Outlook's: Windows' zones by their own rules, a broken event left out by its id", () => {
    expect(shown(outlook())).toEqual([
      ["open", "Review", "2026-11-23 2026-11-23T09:00", 90, 1],
      ["open", "Second Monday", "2026-11-30 2026-11-30T03:30", 45, 1],
    ])
    expect(read(outlook()).quarantined).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
    expect(read(outlook()).timeZone).toBeNull()
    // In summer the same rules give the other offset.
    const summer = Date.parse("2026-07-01T00:00:00Z")
    const moved = new TextDecoder().decode(outlook()).replaceAll("20261123", "20260706")
    expect(shown(new TextEncoder().encode(moved), summer)[0]).toContain("2026-07-06 2026-07-06T08:00")
  })

  it("Apple's: floating times in the calendar's zone, to-dos with priorities, only LF and no last line end", () => {
    expect(shown(apple())).toEqual([
      ["open", "Run by the river", "2026-11-22 2026-11-22T13:30", 60, 1],
      ["open", "Taxes", "2026-11-10", null, 4],
      ["open", "Bins", "2026-11-22 2026-11-23T00:00", null, 2],
      ["completed", "Bread", null, null, 1],
    ])
    expect(read(apple()).tasks[0]?.task.deepLink).toBe("")
  })
})

describe("events", () => {
  it("are open until they end, and stale at that moment", () => {
    const feed = feedOf(eventOf("DTSTART:20261121T070000Z", "DURATION:PT2H"))
    const end = Date.parse("2026-11-21T09:00:00Z")
    expect(read(feed).staleAtMs).toBe(end)
    expect(shown(feed, end - 1)).toHaveLength(1)
    expect(shown(feed, end)).toEqual([])
  })

  it("of a whole day last until its last midnight where the reader is", () => {
    const feed = feedOf("X-WR-TIMEZONE:America/New_York", eventOf("DTSTART:20261120", "DTEND;VALUE=DATE:20261122"))
    expect(shown(feed, Date.parse("2026-11-22T04:59:59Z"))).toHaveLength(1)
    expect(shown(feed, Date.parse("2026-11-22T05:00:00Z"))).toEqual([])
  })

  it("come into sight fourteen days before, by the reader's days", () => {
    const feed = feedOf(eventOf("DTSTART:20261206T000000Z"))
    expect(shown(feed, Date.parse("2026-11-21T23:59:59Z"))).toEqual([])
    expect(read(feed, Date.parse("2026-11-21T23:59:59Z")).staleAtMs).toBe(Date.parse("2026-11-22T00:00:00Z"))
    expect(shown(feed, Date.parse("2026-11-22T00:00:00Z"))).toHaveLength(1)
  })

  it("keep their id when they are moved, and each occurrence of a series has one of its own", () => {
    const idsOf = (...lines: ReadonlyArray<string>) =>
      read(feedOf(eventOf(...lines))).tasks.map(({ task }) => task.taskId)
    expect(idsOf("DTSTART:20261122T100000Z")).toEqual(idsOf("DTSTART:20261124T120000Z"))
    const series = idsOf("DTSTART:20261122T100000Z", "RRULE:FREQ=DAILY;COUNT=4")
    expect(new Set(series).size).toBe(4)
    expect(idsOf("DTSTART:20261122T100000Z", "RRULE:FREQ=DAILY;COUNT=3")).toEqual(series.slice(0, 3))
  })

  it("of a series end with UNTIL in its own terms", () => {
    const berlin = "DTSTART;TZID=Europe/Berlin:20261121T230000"
    const [first, second] = ["2026-11-21 2026-11-21T22:00", "2026-11-22 2026-11-22T22:00"]
    expect(event(berlin, "RRULE:FREQ=DAILY;UNTIL=20261122T220000Z")).toEqual([first, second])
    expect(event(berlin, "RRULE:FREQ=DAILY;UNTIL=20261122T215959Z")).toEqual([first])
    expect(event(berlin, "RRULE:FREQ=DAILY;UNTIL=20261122")).toEqual([first, second])
    expect(event(berlin, "RRULE:FREQ=DAILY;UNTIL=20261122T225959")).toEqual([first])
  })

  it("are added by RDATE and taken out by EXDATE, a day or an instant, in any zone", () => {
    const daily = ["DTSTART;TZID=Europe/Berlin:20261121T100000", "RRULE:FREQ=DAILY;COUNT=4"]
    expect(event(
      ...daily,
      "EXDATE:20261121T090000Z,20261122T090000Z",
      "EXDATE;VALUE=DATE:20261123",
      "EXDATE:",
      "RDATE;TZID=Europe/Berlin:20261130T110000",
      "RDATE;VALUE=PERIOD:20261201T080000Z/PT1H",
    )).toEqual(["2026-11-24 2026-11-24T09:00", "2026-11-30 2026-11-30T10:00", "2026-12-01 2026-12-01T08:00"])
  })

  it("that replace an occurrence may move it into sight, out of it, or cancel it", () => {
    const series = eventOf("DTSTART:20261122T100000Z", "RRULE:FREQ=DAILY;COUNT=3")
    const replaced = (...lines: ReadonlyArray<string>) =>
      timesOf(eventOf("RECURRENCE-ID:20261123T100000Z", ...lines), series)
    const [first, last] = ["2026-11-22 2026-11-22T10:00", "2026-11-24 2026-11-24T10:00"]
    expect(replaced("DTSTART:20270101T100000Z")).toEqual([first, last])
    expect(replaced("DTSTART:20261123T100000Z", "STATUS:CANCELLED")).toEqual([first, last])
    expect(replaced("DTSTART:20261123T180000Z")).toEqual([first, "2026-11-23 2026-11-23T18:00", last])
    expect(timesOf(
      eventOf("DTSTART:20260101T100000Z", "RRULE:FREQ=DAILY;COUNT=3"),
      eventOf("RECURRENCE-ID:20260102T100000Z", "DTSTART:20261125T100000Z"),
    )).toEqual(["2026-11-25 2026-11-25T10:00"])
  })

  it("said twice count once, the higher sequence, else the later", () => {
    const [early, late] = ["DTSTART:20261122T100000Z", "DTSTART:20261123T100000Z"]
    expect(timesOf(eventOf(early, "SEQUENCE:2"), eventOf(late, "SEQUENCE:1"))).toEqual(["2026-11-22 2026-11-22T10:00"])
    expect(timesOf(eventOf(early), eventOf(late))).toEqual(["2026-11-23 2026-11-23T10:00"])
  })

  it("stand on their own clock across a change of the clocks", () => {
    const weekly = feedOf(eventOf("DTSTART;TZID=Europe/Berlin:20260101T100000", "RRULE:FREQ=DAILY", "DURATION:PT30M"))
    const dues = shown(weekly, Date.parse("2026-03-28T00:00:00Z")).map(([, , due]) => due)
    expect(dues.slice(0, 2)).toEqual(["2026-03-28 2026-03-28T09:00", "2026-03-29 2026-03-29T08:00"])
  })

  it("follow a zone's own rules through a skipped hour, a repeated one, and to their end", () => {
    const part = (kind: string, from: string, to: string, start: string, rule: string) =>
      `BEGIN:${kind}\nDTSTART:${start}\nTZOFFSETFROM:${from}\nTZOFFSETTO:${to}\nRRULE:${rule}\nEND:${kind}`
    const zone = (until: string) =>
      [
        "BEGIN:VTIMEZONE\nTZID:Ours",
        part("DAYLIGHT", "+0100", "+0200", "16010101T020000", `FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3${until}`),
        part("STANDARD", "+0200", "+0100", "16010101T030000", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
        "END:VTIMEZONE",
      ].join("\n")
    const at = (wall: string, until = "") => {
      const date = `${wall.slice(0, 4)}-${wall.slice(4, 6)}-${wall.slice(6, 8)}`
      const feed = feedOf(zone(until), eventOf(`DTSTART;TZID=Ours:${wall}`))
      return shown(feed, Date.parse(`${date}T00:00:00Z`))[0]?.[2]
    }
    expect(at("20260329T013000")).toBe("2026-03-29 2026-03-29T00:30")
    expect(at("20260329T023000")).toBe("2026-03-29 2026-03-29T01:30")
    expect(at("20260329T033000")).toBe("2026-03-29 2026-03-29T01:30")
    expect(at("20261025T023000")).toBe("2026-10-25 2026-10-25T00:30")
    expect(at("20261025T030000")).toBe("2026-10-25 2026-10-25T02:00")
    expect(at("20260330T100000", ";UNTIL=20260329T010000Z")).toBe("2026-03-30 2026-03-30T08:00")
    expect(at("20260330T100000", ";UNTIL=20260329T005959Z")).toBe("2026-03-30 2026-03-30T09:00")
  })

  it("in a zone nobody knows are read in the calendar's", () => {
    const strange = eventOf("DTSTART;TZID=Nowhere/Special:20261122T100000")
    expect(timesOf(strange)).toEqual(["2026-11-22 2026-11-22T10:00"])
    expect(timesOf("X-WR-TIMEZONE:Asia/Tokyo", strange)).toEqual(["2026-11-22 2026-11-22T01:00"])
    expect(timesOf(eventOf("DTSTART;TZID=/citadel.org/20210210_1/Asia/Tokyo:20261122T100000")))
      .toEqual(["2026-11-22 2026-11-22T01:00"])
  })

  it("beyond five hundred are the earliest five hundred", () => {
    const many = Array.from(
      { length: 600 },
      (_, n) => eventOf(`DTSTART:202611${25 - n % 2}T1000${String(n % 60).padStart(2, "0")}Z`).replace("e1", `e${n}`),
    )
    const { tasks } = read(feedOf(...many))
    expect(tasks).toHaveLength(500)
    expect(tasks.filter(({ task }) => task.due?.date === "2026-11-24")).toHaveLength(300)
  })
})

describe("what is broken", () => {
  it("stands alone: the others are read", () => {
    const whole = eventOf("DTSTART:20261122T100000Z").replace("e1", "whole")
    const broken = [
      eventOf("DTSTART:20261399T100000Z"),
      eventOf("DTSTART"),
      eventOf(),
      eventOf("DTSTART:20261122T100000Z", "RRULE:FREQ=SECONDLY"),
      eventOf("DTSTART:20261122T100000Z", "RRULE:FREQ=NEVER"),
      eventOf("DTSTART:20261122T100000Z", "EXDATE:whenever"),
      eventOf("DTSTART:20261122T100000Z").replace("UID:e1\n", ""),
      eventOf("DTSTART:20261122T100000Z").replace("\nEND:VEVENT", ""),
    ]
    for (const one of broken) {
      const { quarantined, tasks } = read(feedOf(one, whole))
      expect([tasks.length, quarantined.length], one).toEqual([1, 1])
    }
  })

  it("but does not decide, costs its own line only", () => {
    const lines = ["URL:https://", "PRIORITY:high", "CREATED:yesterday", 'CATEGORIES;X="open:A', "ATTENDEE;broken"]
    expect(event("DTSTART:20261122T100000Z", ...lines)).toEqual(["2026-11-22 2026-11-22T10:00"])
  })

  it("has an alarm that never ends, which ends with its event", () => {
    const alarm = ["BEGIN:VALARM", "TRIGGER:-PT5M"]
    const { quarantined, tasks } = read(feedOf(
      eventOf("DTSTART:20261122T100000Z", ...alarm),
      eventOf("DTSTART:20261123T100000Z").replace("e1", "e2"),
    ))
    expect([tasks.length, quarantined.length]).toEqual([1, 1])
  })

  it("is no calendar, or ends in the middle, at whatever byte", () => {
    expect(readFeed(new TextEncoder().encode("hello"), nowMs)._tag).toBe("NoCalendar")
    const feed = google()
    const end = feed.length - "END:VCALENDAR\r\n".length
    for (let length = 0; length <= end; length += 7) {
      expect(["CutOff", "NoCalendar"], `${length}`).toContain(readFeed(feed.subarray(0, length), nowMs)._tag)
    }
  })
})

describe("what is too much", () => {
  it("is refused when it is an archive, and in part when its rules cost too much", () => {
    const many = Array.from({ length: 20_001 }, (_, n) => `BEGIN:VEVENT\nUID:${n}\nEND:VEVENT`)
    expect(readFeed(feedOf(...many), nowMs)._tag).toBe("TooLarge")
    const costly = "RRULE:FREQ=DAILY;COUNT=999999"
    const few = Array.from(
      { length: 40 },
      (_, n) => eventOf("DTSTART:19000101T100000Z", n < 30 ? "RRULE:FREQ=DAILY" : costly).replace("e1", `e${n}`),
    )
    expect(read(feedOf(...few)).quarantined.length).toBe(0)
    const more = Array.from(
      { length: 40 },
      (_, n) => eventOf("DTSTART:19000101T100000Z", n < 22 ? "RRULE:FREQ=DAILY" : costly).replace("e1", `e${n}`),
    )
    const { quarantined } = read(feedOf(...more, ...few.map((one) => one.replace("UID:e", "UID:f"))))
    expect(quarantined.length).toBeGreaterThan(0)
  })

  it("is read in steps, none of which is long", () => {
    const many = feedOf(
      ...Array.from({ length: 5_000 }, (_, n) => eventOf("DTSTART:20261122T100000Z").replace("e1", `e${n}`)),
    )
    let count = 0
    for (const _ of steps(many, nowMs)) count += 1
    expect(count).toBeGreaterThanOrEqual(20)
  })
})

describe("any feed", () => {
  const line = fc.constantFrom(
    ...new TextDecoder().decode(google()).split("\r\n"),
    ...new TextDecoder().decode(outlook()).split("\r\n"),
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=9999",
    "RRULE:FREQ=DAILY;INTERVAL=0",
    "RECURRENCE-ID:20261123T100000Z",
    "DURATION:-PT1H",
    "BEGIN:VTODO",
    "END:VTODO",
    "DUE:20261123T100000Z",
    "__PROTO__;__proto__=1:constructor",
    "DTSTART;TZID=__proto__:20261123T100000",
  )

  it("is read without an exception, and the same way twice", () => {
    const lines = fc.array(fc.oneof({ weight: 5, arbitrary: line }, fc.string({ unit: "binary" })), { maxLength: 60 })
    fc.assert(
      fc.property(lines, fc.constantFrom("\r\n", "\n", "\r", "\r\n ", "\n\t"), (some, end) => {
        const text = ["BEGIN:VCALENDAR", ...some, "\nEND:VCALENDAR"].join(end)
        const bytes = new TextEncoder().encode(text)
        const outcome = readFeed(bytes, nowMs)
        expect(readFeed(bytes, nowMs)).toEqual(outcome)
        if (outcome._tag !== "Read") return
        const ids = outcome.tasks.map(({ task }) => task.taskId)
        expect(new Set(ids).size).toBe(ids.length)
        expect(outcome.staleAtMs).toBeGreaterThan(nowMs)
      }),
      { numRuns: 300 },
    )
  })

  it("is read without an exception from any bytes at any time of day", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 4e12 }), (bytes, at) => {
      expect(readFeed(bytes, at)._tag).not.toBe("Read")
      expect(readFeed(google(), at)._tag).toBe("Read")
    }))
  })
})
