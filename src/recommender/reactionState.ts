/**
 * What a reaction does to a tip, as a pure decision. Time comes in as data.
 *
 * A tip is open until its first reaction or its expiry; then it stays as it is, but for `undo`, which opens a
 * dismissed or snoozed one again. Saying the same thing twice is one reaction. A done task is completed in its tool, so
 * it cannot be undone here.
 */
import type { CandidateKind, Reaction } from "../../schemas/Tip.ts"

/**
 * `superseded`: another tip took its place, because its candidate was answered there or because that was the last one
 * shown before the window of this one ended. Nobody's answer, so nothing is learned from it.
 */
export type TipState = "open" | "expired" | "superseded" | Exclude<Reaction, "undo">

export interface ServedTip {
  readonly state: TipState
  readonly kind: CandidateKind
  readonly expiresAtMs: number
}

export interface Accepted {
  readonly _tag: "Accepted"
  readonly state: TipState
  /** The candidate is not served before this instant; null wakes it. */
  readonly sleepsUntilMs: number | null
  /** The task is to be completed in its tool. */
  readonly completes: boolean
  /** For `undo`: what is taken back. */
  readonly undone: "snooze" | "dismiss" | null
}

export type Verdict =
  | Accepted
  /** It was said before: answer as then, change nothing. */
  | { readonly _tag: "Repeated" }
  | { readonly _tag: "Refused"; readonly reason: "expired" | "settled" | "nothing-to-undo" | "snooze-not-ahead" }

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A snooze that names no time: long enough not to nag, short enough to be the same part of the day. */
export const snoozeDefaultMs = 3 * hourMs
/** Beyond a quarter of a year a snooze is a dismiss said politely. */
export const snoozeMaxMs = 90 * dayMs
/** Dismissed: not wanted, though perhaps wanted again once things have changed. */
const dismissedMs = 14 * dayMs
/** Agreed with: a task is promised and may be asked about later that day; an advice needs no repeating for weeks. */
const acknowledgedMs: Record<CandidateKind, number> = { todo: 4 * hourMs, advice: 21 * dayMs }
const savedMs: Record<CandidateKind, number> = { todo: dayMs, advice: 30 * dayMs }
/** Done: until the task itself says it is back (a recurring one moves its date) or gone. An advice may come again. */
const doneMs: Record<CandidateKind, number> = { todo: 3_650 * dayMs, advice: 14 * dayMs }

export const judge = (
  tip: ServedTip,
  request: { readonly reaction: Reaction; readonly snoozeUntilMs: number | null },
  nowMs: number,
): Verdict => {
  const { reaction } = request
  if (reaction === "undo") {
    if (tip.state !== "snooze" && tip.state !== "dismiss") return { _tag: "Refused", reason: "nothing-to-undo" }
    return { _tag: "Accepted", state: "open", sleepsUntilMs: null, completes: false, undone: tip.state }
  }
  if (tip.state === reaction) return { _tag: "Repeated" }
  if (tip.state === "expired" || (tip.state === "open" && tip.expiresAtMs <= nowMs)) {
    return { _tag: "Refused", reason: "expired" }
  }
  if (tip.state !== "open") return { _tag: "Refused", reason: "settled" }
  const sleepsUntilMs = sleepOf(tip.kind, reaction, request.snoozeUntilMs, nowMs)
  if (sleepsUntilMs <= nowMs || sleepsUntilMs > nowMs + Math.max(snoozeMaxMs, doneMs.todo)) {
    return { _tag: "Refused", reason: "snooze-not-ahead" }
  }
  return {
    _tag: "Accepted",
    state: reaction,
    sleepsUntilMs,
    completes: reaction === "done" && tip.kind === "todo",
    undone: null,
  }
}

const sleepOf = (
  kind: CandidateKind,
  reaction: Exclude<Reaction, "undo">,
  snoozeUntilMs: number | null,
  nowMs: number,
): number => {
  switch (reaction) {
    case "snooze":
      if (snoozeUntilMs !== null && snoozeUntilMs > nowMs + snoozeMaxMs) return nowMs
      return snoozeUntilMs ?? nowMs + snoozeDefaultMs
    case "dismiss":
      return nowMs + dismissedMs
    case "acknowledge":
      return nowMs + acknowledgedMs[kind]
    case "save":
      return nowMs + savedMs[kind]
    case "done":
      return nowMs + doneMs[kind]
  }
}
