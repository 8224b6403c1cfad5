import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Reaction } from "../../schemas/Tip.ts"
import { judge, snoozeDefaultMs, snoozeMaxMs } from "./reactionState.ts"
import type { ServedTip, TipState, Verdict } from "./reactionState.ts"

const nowMs = Date.parse("2026-06-10T08:00:00Z")
const hourMs = 3_600_000
const dayMs = 24 * hourMs

const open: ServedTip = { state: "open", kind: "todo", expiresAtMs: nowMs + hourMs }
const settledStates = ["done", "snooze", "dismiss", "acknowledge", "save"] as const
const say = (reaction: Reaction, tip: ServedTip = open, snoozeUntilMs: number | null = null): Verdict =>
  judge(tip, { reaction, snoozeUntilMs }, nowMs)
const refused = (reason: string) => ({ _tag: "Refused", reason })

const anyTip: fc.Arbitrary<ServedTip> = fc.record({
  state: fc.constantFrom<TipState>("open", "expired", "superseded", ...settledStates),
  kind: fc.constantFrom("todo", "advice"),
  expiresAtMs: fc.integer({ min: nowMs - hourMs, max: nowMs + hourMs }),
})
const anyRequest = fc.record({
  reaction: fc.constantFrom<Reaction>(...Reaction.literals),
  snoozeUntilMs: fc.option(fc.integer({ min: nowMs - 10 * dayMs, max: nowMs + 200 * dayMs })),
})

describe("a reaction to an open tip", () => {
  it.each(
    [
      ["done", "todo", 3_650 * dayMs, true],
      ["done", "advice", 14 * dayMs, false],
      ["snooze", "todo", 3 * hourMs, false],
      ["snooze", "advice", 3 * hourMs, false],
      ["dismiss", "todo", 14 * dayMs, false],
      ["dismiss", "advice", 14 * dayMs, false],
      ["acknowledge", "todo", 4 * hourMs, false],
      ["acknowledge", "advice", 21 * dayMs, false],
      ["save", "todo", dayMs, false],
      ["save", "advice", 30 * dayMs, false],
    ] as const,
  )("%s of a %s puts it to sleep for its time", (reaction, kind, sleepMs, completes) => {
    expect(say(reaction, { ...open, kind })).toEqual({
      _tag: "Accepted",
      state: reaction,
      sleepsUntilMs: nowMs + sleepMs,
      completes,
      undone: null,
    })
  })

  it("snooze may name its end, ahead and at most 90 days", () => {
    const until = (ms: number) => say("snooze", open, nowMs + ms)
    expect(until(1)).toMatchObject({ _tag: "Accepted", sleepsUntilMs: nowMs + 1 })
    expect(until(snoozeMaxMs)).toMatchObject({ _tag: "Accepted", sleepsUntilMs: nowMs + 90 * dayMs })
    expect(say("snooze")).toMatchObject({ sleepsUntilMs: nowMs + snoozeDefaultMs })
    for (const ms of [0, -1, snoozeMaxMs + 1, -nowMs, Number.MAX_SAFE_INTEGER - nowMs]) {
      expect(until(ms), String(ms)).toEqual(refused("snooze-not-ahead"))
    }
  })

  it("an end of sleep given with another reaction says nothing", () => {
    expect(say("dismiss", open, nowMs - 1)).toEqual(say("dismiss"))
  })

  it("comes too late from the very millisecond the window ends", () => {
    const endsIn = (ms: number) => ({ ...open, expiresAtMs: nowMs + ms })
    expect(say("done", endsIn(1))).toMatchObject({ _tag: "Accepted" })
    expect(say("done", endsIn(0))).toEqual(refused("expired"))
    expect(say("done", endsIn(-1))).toEqual(refused("expired"))
    expect(say("done", { ...open, state: "expired" })).toEqual(refused("expired"))
  })
})

describe("a reaction to a settled tip", () => {
  it("said again is the same reaction, also after the window has passed", () => {
    for (const state of settledStates) {
      for (const expiresAtMs of [nowMs + hourMs, nowMs - hourMs]) {
        expect(say(state, { ...open, state, expiresAtMs })).toEqual({ _tag: "Repeated" })
      }
    }
  })

  it("said otherwise is refused", () => {
    for (const state of settledStates) {
      for (const reaction of settledStates.filter((one) => one !== state)) {
        for (const expiresAtMs of [nowMs + hourMs, nowMs]) {
          expect(say(reaction, { ...open, state, expiresAtMs }), `${reaction} after ${state}`).toEqual(
            refused("settled"),
          )
        }
      }
    }
  })

  it("undo opens a snoozed or dismissed one again, and no other", () => {
    for (const state of ["snooze", "dismiss"] as const) {
      expect(say("undo", { ...open, state }))
        .toEqual({ _tag: "Accepted", state: "open", sleepsUntilMs: null, completes: false, undone: state })
    }
    for (const state of ["open", "expired", "done", "acknowledge", "save"] as const) {
      expect(say("undo", { ...open, state }), state).toEqual(refused("nothing-to-undo"))
    }
  })

  it("undo works after the window too: the tip then expires, instead of sleeping unanswered", () => {
    expect(say("undo", { ...open, state: "dismiss", expiresAtMs: nowMs - 1 })).toMatchObject({ _tag: "Accepted" })
  })
})

describe("any history of a tip", () => {
  const after = (tip: ServedTip, verdict: Verdict): ServedTip =>
    verdict._tag === "Accepted" ? { ...tip, state: verdict.state } : tip

  it("what is accepted sleeps until later, within ten years, and only a done task is completed", () => {
    fc.assert(fc.property(anyTip, anyRequest, (tip, request) => {
      const verdict = judge(tip, request, nowMs)
      if (verdict._tag !== "Accepted") return
      expect(verdict.completes).toBe(request.reaction === "done" && tip.kind === "todo")
      expect(verdict.sleepsUntilMs === null).toBe(request.reaction === "undo")
      if (verdict.sleepsUntilMs === null) return
      expect(verdict.sleepsUntilMs).toBeGreaterThan(nowMs)
      expect(verdict.sleepsUntilMs).toBeLessThanOrEqual(nowMs + 3_650 * dayMs)
    }))
  })

  it("the same request twice changes the tip once", () => {
    fc.assert(fc.property(anyTip, anyRequest, (tip, request) => {
      const once = after(tip, judge(tip, request, nowMs))
      const again = judge(once, request, nowMs)
      expect(again._tag).not.toBe("Accepted")
      expect(after(once, again)).toEqual(once)
    }))
  })

  it("done, acknowledged, saved and expired are for ever", () => {
    const ends = ["done", "acknowledge", "save", "expired"]
    fc.assert(fc.property(anyTip, fc.array(anyRequest), (start, requests) => {
      const states = [start.state]
      for (const request of requests) {
        states.push(
          after({ ...start, state: states.at(-1)! }, judge({ ...start, state: states.at(-1)! }, request, nowMs)).state,
        )
      }
      const end = states.findIndex((state) => ends.includes(state))
      expect(new Set(end < 0 ? [] : states.slice(end)).size).toBeLessThanOrEqual(1)
    }))
  })
})
