/** Todoist: whether it can be reached from here, takes the token, and what time it says it is. */
import { Clock, Effect, Redacted } from "effect"
import { ok, warn } from "./Finding.ts"
import type { Judgement } from "./Finding.ts"
import type { Skew } from "./judge.ts"

const answerMaxMs = 2_000

export interface TodoistReport {
  readonly judgement: Judgement
  readonly skew: Skew | undefined
}

/** A small read that changes nothing; without a token it answers 401, which shows as well that it is there. */
export const lookAtTodoist = Effect.fn("doctor.lookAtTodoist")(function* (
  baseUrl: string,
  token: Redacted.Redacted<string> | undefined,
) {
  const { host } = new URL(baseUrl)
  const headers = token === undefined ? {} : { authorization: `Bearer ${Redacted.value(token)}` }
  const startedMs = yield* Clock.currentTimeMillis
  const answer = yield* Effect.tryPromise(async (signal) => {
    const response = await fetch(`${baseUrl}/api/v1/user`, { signal, headers, redirect: "manual" })
    await response.body?.cancel()
    return { code: response.status, date: Date.parse(response.headers.get("date") ?? "") }
  }).pipe(Effect.timeout(answerMaxMs), Effect.result)
  const endedMs = yield* Clock.currentTimeMillis
  if (answer._tag === "Failure") {
    return {
      judgement: warn(
        `${host} does not answer (${reasonOf(answer.failure)})`,
        "look after the network or TODOIST_BASE_URL; --demo with the simulator does without",
      ),
      skew: undefined,
    } satisfies TodoistReport as TodoistReport
  }
  const { code, date } = answer.success
  return {
    judgement: judgeAnswer(host, code, token !== undefined),
    skew: Number.isNaN(date) ? undefined : skewOf(host, startedMs, endedMs, date),
  } satisfies TodoistReport as TodoistReport
})

export const judgeAnswer = (host: string, code: number, withToken: boolean): Judgement => {
  if (code >= 500) return warn(`${host} answers ${code}`, "wait; syncs are tried again by themselves")
  if (withToken && (code === 401 || code === 403)) {
    return warn(`${host} refuses TODOIST_TOKEN (${code})`, "copy it again: Todoist, Settings, Integrations, Developer")
  }
  return ok(withToken ? `${host} takes TODOIST_TOKEN` : `${host} answers`)
}

/** The header has whole seconds, and may have been written at any moment between the two. */
const skewOf = (host: string, startedMs: number, endedMs: number, date: number): Skew => ({
  of: host,
  aheadMs: (startedMs + endedMs) / 2 - (date + 500),
  uncertainMs: (endedMs - startedMs) / 2 + 500,
})

/** What is at the bottom of it; Deno repeats the address before. */
const reasonOf = (failure: unknown): string => {
  const { cause, message } = failure as { cause?: { message?: string; cause?: { message?: string } }; message?: string }
  const text = cause?.cause?.message ?? cause?.message ?? message ?? String(failure)
  return text.replace(/^error sending request for url \([^)]*\): /, "")
}
