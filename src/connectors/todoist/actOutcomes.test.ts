import { Result } from "effect"
import { describe, expect, it } from "vitest"
import type { Act } from "../Connector.ts"
import { actOutcomes } from "./actOutcomes.ts"

const outcomesOf = (acts: ReadonlyArray<Act>, body: unknown, status = 200) =>
  Result.merge(
    actOutcomes(acts, { status, headers: {}, text: typeof body === "string" ? body : JSON.stringify(body) }),
  )

const one: Act = { actId: "a", kind: "complete", taskId: "t" }

const outcomeOf = (status: unknown) => {
  const outcomes = outcomesOf([one], { sync_status: { a: status } })
  return "_tag" in outcomes ? outcomes : outcomes[0]
}

describe("act outcomes", () => {
  it("edge case 21 - ok is done, and so is one that Todoist has executed before", () => {
    expect(outcomeOf("ok")).toEqual({ actId: "a", outcome: "done" })
    expect(outcomeOf({ error: "Sync item already processed. Ignored", error_code: 28 })).toEqual({
      actId: "a",
      outcome: "done",
    })
  })

  it("edge case 21 - a task that is gone is missing, in every way Todoist has said it", () => {
    const ways = [
      { error: "Item not found", error_code: 22 },
      { error: "Task not found", error_code: 478, error_tag: "NOT_FOUND", http_code: 404 },
      { error_tag: "NOT_FOUND" },
      { http_code: 404 },
      { error: "Item Not Found" },
    ]
    for (const way of ways) expect(outcomeOf(way)).toEqual({ actId: "a", outcome: "missing" })
  })

  it("edge case 21 - anything else failed, with the code and never the text", () => {
    expect(outcomeOf({ error: "Buy milk is invalid", error_code: 15, error_tag: "INVALID_TEMPORARY_ID" })).toEqual({
      actId: "a",
      outcome: "failed",
      detail: "INVALID_TEMPORARY_ID",
    })
    expect(outcomeOf({ error: "Buy milk is invalid", error_code: 15 })).toMatchObject({ detail: "code 15" })
    expect(outcomeOf({ error: "Buy milk", error_tag: "Buy milk" })).toMatchObject({ detail: "no code" })
    expect(outcomeOf(undefined)).toEqual({ actId: "a", outcome: "failed", detail: "no status" })
    expect(outcomeOf("not ok")).toMatchObject({ outcome: "failed" })
  })

  it("edge case 35 - a command the token may not give is forbidden", () => {
    const status = { error: "Insufficient Token scope", error_tag: "AUTH_INSUFFICIENT_TOKEN_SCOPE", http_code: 403 }
    expect(outcomeOf(status)).toEqual({ actId: "a", outcome: "forbidden", detail: "scope" })
  })

  it("edge case 20 - a reply that does not tell is no outcome, so that the same ids are sent again", () => {
    const answers = [{}, { sync_status: [] }, "", "{", "<html></html>", null]
    for (const body of answers) expect(outcomesOf([one], body)).toMatchObject({ _tag: "ProviderUnavailable" })
    expect(outcomesOf([one], "", 503)).toMatchObject({ _tag: "ProviderUnavailable", reason: "server-error" })
    expect(outcomesOf([one], { error_tag: "UNAUTHORIZED" }, 401)).toMatchObject({ _tag: "TokenRejected" })
  })

  it("act outcomes - one failure leaves the others as they are, in the order of the acts", () => {
    const acts = ["a", "b", "c"].map((actId) => ({ actId, kind: "complete" as const, taskId: actId }))
    expect(outcomesOf(acts, { sync_status: { c: "ok", b: { error_code: 22 }, a: "ok" } })).toEqual([
      { actId: "a", outcome: "done" },
      { actId: "b", outcome: "missing" },
      { actId: "c", outcome: "done" },
    ])
  })
})
