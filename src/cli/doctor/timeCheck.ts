/** The clock, beside those of Postgres and Todoist, and the time zone data that due times are computed with. */
import { Clock, Effect } from "effect"
import type { ServerFacts } from "../../store/PostgresProbe.ts"
import { fail, ok, warn } from "./Finding.ts"
import type { Judgement } from "./Finding.ts"
import type { Skew } from "./judge.ts"

/** Long enough to tell standing still from going. */
const watchMs = 50

/** What both clocks of the system say passed. */
export const driftOfClock = Effect.gen(function* () {
  const wallMs = yield* Clock.currentTimeMillis
  const monotonicMs = performance.now()
  yield* Effect.sleep(watchMs)
  return {
    wallMs: (yield* Clock.currentTimeMillis) - wallMs,
    monotonicMs: Math.round(performance.now() - monotonicMs),
  }
})

export const skewOfPostgres = ({ aheadMs, roundTripMs }: ServerFacts): Skew => ({
  of: "Postgres",
  aheadMs,
  uncertainMs: roundTripMs / 2,
})

/** A winter and a summer offset that every copy of the time zone data of this century holds. */
const known = [
  { zone: "Europe/Madrid", at: "2026-01-15T12:00:00Z", hour: "13" },
  { zone: "Europe/Madrid", at: "2026-07-15T12:00:00Z", hour: "14" },
  { zone: "Asia/Kolkata", at: "2026-07-15T12:00:00Z", hour: "17" },
] as const

export const judgeTimeZones = (hourIn: (zone: string, at: Date) => string, here: string | undefined): Judgement => {
  const wrong = known.filter(({ zone, at, hour }) => hourIn(zone, new Date(at)) !== hour)
  if (wrong.length > 0) {
    const zones = [...new Set(wrong.map(({ zone }) => zone))].join(", ")
    return fail(`the runtime does not know ${zones}`, "install a Deno or Node with full ICU data")
  }
  return here === undefined || here === ""
    ? warn("known, but not which one this machine is in: UTC is taken", "set TZ, as in TZ=Europe/Madrid")
    : ok(`known; this machine is in ${here}`)
}

export const lookAtTimeZones = Effect.sync(() =>
  judgeTimeZones(hourIn, Intl.DateTimeFormat().resolvedOptions().timeZone)
)

const hourIn = (zone: string, at: Date): string => {
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" }).format(at)
  } catch {
    return ""
  }
}
