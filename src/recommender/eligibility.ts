/**
 * Who may be the tip now: everything awake, cut to a bounded set by a rule that depends on nothing but the candidates
 * and the instant.
 *
 * The result is sorted by candidate id, so neither a policy nor the sampling can see the order a store returned.
 * Propensities are conditional on this set, which is why the decision logs all of it.
 */
import type { Candidate } from "../../schemas/Candidate.ts"
import { dayNumberOf, utcDayNumberOf } from "./calendar.ts"

/**
 * Most candidates a policy ever judges. The pick's time and the logged decision grow with it, and a floor of ε leaves
 * each candidate ε/n: beyond 50, exploration is spread so thin (importance weights above 500) that no estimate could
 * use it.
 */
const candidatesMaxDefault = 50

/** Share of a pruned set for the most urgent todos; the rest explores. */
const urgentShare = 0.6
/** Share of a pruned set kept for advice, so that a long task list cannot crowd it out. */
const adviceShare = 0.16

export interface Eligible {
  /** Awake, at most `candidatesMax`, sorted by candidate id. */
  readonly candidates: ReadonlyArray<Candidate>
  /** How many came in. `total - sleeping - pruned` is the length of `candidates`. */
  readonly total: number
  readonly sleeping: number
  readonly pruned: number
}

/**
 * A candidate sleeps while `sleepsUntilMs` lies after `nowMs`; at that very instant it is awake.
 *
 * When more than `candidatesMax` are awake the set is filled in this order:
 * 1. advice up to its share, today's rotation first;
 * 2. the most urgent todos up to theirs (see `distanceFromUrgent`);
 * 3. what is left, by today's rotation, all other todos before all other advice.
 *
 * The rotation changes every UTC day, so each candidate of a long list gets its turn.
 */
export const eligible = (
  candidates: ReadonlyArray<Candidate>,
  nowMs: number,
  candidatesMax: number = candidatesMaxDefault,
): Eligible => {
  const awake = candidates.filter((candidate) => candidate.sleepsUntilMs === null || candidate.sleepsUntilMs <= nowMs)
  const kept = awake.length > candidatesMax ? pruned(awake, utcDayNumberOf(nowMs), candidatesMax) : awake
  return {
    candidates: kept.sort(byId),
    total: candidates.length,
    sleeping: candidates.length - awake.length,
    pruned: awake.length - kept.length,
  }
}

const pruned = (awake: ReadonlyArray<Candidate>, today: number, candidatesMax: number): Array<Candidate> => {
  const advice = ranked(awake.filter((candidate) => candidate.kind === "advice"), (one) => turn(one, today))
  const todos = ranked(awake.filter((candidate) => candidate.kind === "todo"), (one) => distanceFromUrgent(one, today))

  const kept = advice.slice(0, Math.floor(candidatesMax * adviceShare))
  const spareAdvice = advice.slice(kept.length)
  const urgent = todos.slice(0, Math.floor(candidatesMax * urgentShare))
  const otherTodos = ranked(todos.slice(urgent.length), (one) => turn(one, today))
  return [...kept, ...urgent, ...otherTodos, ...spareAdvice].slice(0, candidatesMax)
}

/** Ascending by key, equal keys by candidate id. Each key is computed once. */
const ranked = (candidates: ReadonlyArray<Candidate>, keyOf: (candidate: Candidate) => number): Array<Candidate> =>
  candidates
    .map((candidate) => ({ candidate, key: keyOf(candidate) }))
    .sort((left, right) => left.key - right.key || byId(left.candidate, right.candidate))
    .map(({ candidate }) => candidate)

/**
 * Days away from today, where a day ahead counts twice a day overdue and each step of priority is worth a week.
 * Without a due date a todo ranks as if it were two weeks ahead. Lower is more urgent.
 * "Today" is the UTC day here: for the user's own it may be off by one, which matters to features but not to which
 * fifty are looked at.
 */
const distanceFromUrgent = (candidate: Candidate, today: number): number => {
  const ahead = candidate.dueDate === null ? NaN : dayNumberOf(candidate.dueDate) - today
  const distance = Number.isNaN(ahead) ? 28 : ahead > 0 ? 2 * ahead : -ahead
  return distance - 7 * ((candidate.priority ?? 1) - 1)
}

/**
 * A candidate's place in the rotation of one day: FNV-1a over its id, begun from the day, then mixed (MurmurHash3's
 * finaliser).
 */
const turn = (candidate: Candidate, day: number): number => {
  let hash = Math.imul(0x811c9dc5 ^ day, 0x01000193)
  for (let at = 0; at < candidate.candidateId.length; at++) {
    hash = Math.imul(hash ^ candidate.candidateId.charCodeAt(at), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** By UTF-16 code units: the same on every machine, which a locale's order is not. */
const byId = (left: Candidate, right: Candidate): number =>
  left.candidateId < right.candidateId ? -1 : left.candidateId > right.candidateId ? 1 : 0
