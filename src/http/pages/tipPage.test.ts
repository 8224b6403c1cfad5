import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { takenBar, troubleBar } from "./notices.ts"
import { render } from "./page.ts"
import { connectionOf, decisionOf, faultsOf, hostileText, nowMs, tipId, tipOf, visitor } from "./pages.fixture.ts"
import { tipPage } from "./tipPage.ts"
import type { TipView } from "./tipPage.ts"

const viewOf = (given: Partial<TipView> = {}): TipView => ({
  visitor,
  shown: decisionOf(),
  reason: null,
  connections: [connectionOf()],
  bar: undefined,
  key: "k-1",
  nowMs,
  simulatorUrl: undefined,
  operatorLink: false,
  ...given,
})
const pageOf = (given: Partial<TipView> = {}) => render(tipPage(viewOf(given)))
const words = (page: string) => page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ")
const buttons = (page: string) => [...page.matchAll(/<button[^>]*>\s*([^<]*?)\s*</g)].map(([, label]) => label)

describe("tip page", () => {
  it("says what, from where, when and why, and how it was chosen", () => {
    const page = pageOf()
    expect(page).toContain("<title>Book the dentist · tipstream</title>")
    expect(page.match(/<h1/g)).toHaveLength(1)
    expect(words(page)).toContain("Health Due today Book the dentist phone Why this one Due today A quick one")
    expect(words(page)).toContain(
      "Your to-do list was read 3 minutes ago. Chosen with 91% among 48 (epsilon-greedy).",
    )
    expect(page).toContain('<a class="quiet" href="https://app.todoist.com/app/task/7" rel="noopener noreferrer">')
  })

  it("asks for a task what can be done with a task, and for advice more", () => {
    const later = ["In an hour", "This evening", "Tomorrow morning"]
    expect(buttons(pageOf())).toEqual(["Done", ...later, "Not this", "Sign out"])
    const advice = pageOf({ shown: decisionOf({ tip: tipOf({ kind: "advice", deepLink: null }) }) })
    expect(buttons(advice)).toEqual(["Done", "Got it", "Save", ...later, "Not this", "Sign out"])
    expect(advice).not.toContain("Open in Todoist")
  })

  it("posts each answer to its own address, all with the key of this page", () => {
    const page = pageOf()
    for (const reaction of ["done", "dismiss", "snooze"]) {
      expect(page).toContain(`formaction="/tip/${tipId}/${reaction}"`)
    }
    expect(page).toContain('<input type="hidden" name="key" value="k-1">')
    expect(page).toContain(`name="until" value="${nowMs + 3_600_000}"`)
  })

  it("offers no link but to https, and the simulator instead where tasks are simulated", () => {
    const linked = (deepLink: string) => pageOf({ shown: decisionOf({ tip: tipOf({ deepLink }) }) })
    expect(linked("javascript:alert(1)")).not.toContain("Open in Todoist")
    expect(linked("http://app.todoist.com/")).not.toContain("Open in Todoist")
    expect(pageOf({ simulatorUrl: "http://127.0.0.1:9999" })).toContain('href="http://127.0.0.1:9999"')
  })

  it("gives the way back after a dismiss and a snooze, and only then", () => {
    const bar = (state: "dismiss" | "snooze" | "done" | "save" | "open" | "expired") =>
      takenBar(decisionOf({ state }), "k-2")?.toString()
    for (const state of ["dismiss", "snooze"] as const) {
      expect(pageOf({ bar: takenBar(decisionOf({ state }), "k-2") })).toContain(`action="/tip/${tipId}/undo"`)
    }
    expect(bar("done")).toContain("Done:")
    expect([bar("done"), bar("save"), bar("open")].join()).not.toContain("undo")
    expect(bar("expired")).toBeUndefined()
    expect(takenBar(decisionOf({ state: "done", tip: tipOf({ title: "x".repeat(300) }) }), "k")?.toString())
      .toContain(`${"x".repeat(79)}…</bdi>`)
  })

  it("says why there is none, and what to do", () => {
    const empty = (reason: TipView["reason"]) => pageOf({ shown: null, reason })
    expect(empty("not-connected")).toContain('href="/connect">Connect a to-do list')
    expect(empty("no-candidates")).toContain("Nothing waits for you")
    expect(empty("all-sleeping")).toContain('href="/history">Bring one back')
    for (const reason of ["not-connected", "no-candidates", "all-sleeping"] as const) {
      expect(empty(reason).match(/<h1/g)).toHaveLength(1)
      expect(faultsOf(empty(reason))).toEqual([])
    }
  })

  it("is honest about old data, no data and no choice", () => {
    expect(words(pageOf({ connections: [] }))).toContain("No tool is connected:")
    expect(words(pageOf({ connections: [connectionOf({ status: "disconnected" })] }))).toContain(
      "No tool is connected:",
    )
    expect(words(pageOf({ connections: [connectionOf({ syncedAtMs: null })] }))).toContain("has not been read yet")
    expect(words(pageOf({ connections: [connectionOf({ syncedAtMs: nowMs - 5 * 86_400_000 })] })))
      .toContain("was read 5 days ago")
    expect(words(pageOf({ shown: decisionOf({ considered: 1, propensity: 1 }) }))).toContain("nothing else to choose")
    expect(pageOf({ connections: [connectionOf({ status: "needs-reconnect" })] })).toContain("Connect again")
  })

  it("holds any text as text", () => {
    expect(faultsOf(pageOf({ bar: troubleBar("It's <b>") }))).toEqual([])
    fc.assert(fc.property(fc.array(hostileText, { minLength: 8, maxLength: 8 }), (texts) => {
      const [title = "", body = "", project = "", label = "", why = "", link = "", name = "", key = ""] = texts
      const tip = tipOf({ title, body, deepLink: link }, { projectName: project, labels: [label], why: [why] })
      const page = pageOf({
        visitor: { name, zone: visitor.zone },
        shown: decisionOf({ tip, policy: name }),
        bar: takenBar(decisionOf({ tip, state: "dismiss" }), key),
        key,
      })
      expect(faultsOf(page)).toEqual([])
    }))
  })
})
