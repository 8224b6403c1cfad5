import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { saidOf, troubleOf } from "./connectNotices.ts"
import { connectPage } from "./connectPage.ts"
import type { ConnectView } from "./connectPage.ts"
import type { Connection } from "../../actors/UserSyncStore.ts"
import type { ConnectorShape } from "../../connectors/Connector.ts"
import { dropPage } from "./deadLetterSection.ts"
import { DeadLetter } from "../../streams/DeadLetters.ts"
import { historyPage } from "./historyPage.ts"
import type { HistoryView } from "./historyPage.ts"
import { refusalWords } from "./notices.ts"
import { operatorDoor, operatorPage } from "./operatorPage.ts"
import type { OperatorView } from "./operatorPage.ts"
import { render } from "./page.ts"
import {
  connectionOf,
  connectorOf,
  decisionOf,
  faultsOf,
  hostileText,
  nowMs,
  tipId,
  tipOf,
  visitor,
} from "./pages.fixture.ts"
import { signInPage } from "./signInPage.ts"

const words = (page: string) => page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ")

describe("sign-in page", () => {
  it("offers the demo where it works, and else says what to do", () => {
    expect(render(signInPage("demo"))).toContain('<form method="post" action="/sign-in">')
    for (const way of ["demo elsewhere", "none"] as const) {
      expect(render(signInPage(way))).not.toContain("<form")
      expect(faultsOf(render(signInPage(way)))).toEqual([])
    }
  })
})

type ConnectGiven = Partial<ConnectView> & {
  readonly connection?: Connection | undefined
  readonly connector?: Partial<ConnectorShape>
}

describe("connect page", () => {
  const connection = connectionOf()
  const pageOf = ({ connection, connector, ...given }: ConnectGiven = {}) =>
    render(connectPage({
      visitor,
      tools: [{ connector: connectorOf(connector), connection }],
      about: "todoist",
      simulatorUrl: undefined,
      said: undefined,
      trouble: undefined,
      nowMs,
      operatorLink: false,
      ...given,
    }))

  it("tells the state in words, by the clock and by the time gone", () => {
    const page = words(pageOf({ connection }))
    expect(page).toContain("Status Connected Since 3 days ago Sunday 7 June, 10:00")
    expect(page).toContain("Last read 3 minutes ago Wednesday 10 June, 09:57 Next in 2 minutes")
    expect(page).not.toContain("Problem")
    expect(words(pageOf({ connection: connectionOf({ failures: 2, lastProblem: "Todoist is down" }) })))
      .toContain("Problem Todoist is down")
  })

  it("says of a problem what follows from it, and no names of ours", () => {
    const problem = (problemCode: string, lastProblem = "todoist: inner (status none)") =>
      words(pageOf({ connection: connectionOf({ failures: 1, problemCode, lastProblem }) }))
    expect(problem("ScopeMissing")).toContain("with what was granted: connect it anew.")
    for (const code of ["ScopeMissing", "RateLimited", "ProviderUnavailable", "ProviderRefused", "ProviderGone"]) {
      expect(problem(code)).toContain("Problem Todoist ")
      expect(problem(code)).not.toContain("inner")
    }
    expect(problem("TokenRejected", "connect again")).toContain("Problem connect again")
  })

  it("asks again before it disconnects", () => {
    const page = pageOf({ connection })
    expect(page).toMatch(/<details><summary class="button">Disconnect<\/summary>[^]*action="\/connect\/todoist\/disc/)
  })

  it("asks for a token where there is none, and again where it is refused", () => {
    const bare = pageOf({ connection: undefined })
    expect(bare).toContain(
      '<input id="todoist-token" name="token" type="password" maxlength="500" required autocomplete="off"',
    )
    expect(bare).not.toContain("aria-invalid")
    const refused = pageOf({ connection: connectionOf({ status: "needs-reconnect" }), trouble: "rejected" })
    expect(refused).toContain('aria-invalid="true" aria-errormessage="todoist-token-trouble"')
    expect(words(refused)).toContain("Needs to be connected again")
    expect(pageOf({ connection: connectionOf({ status: "disconnected" }) })).not.toContain("/disconnect")
  })

  it("offers the simulator only where there is one, and never its token", () => {
    expect(pageOf({ connection: undefined })).not.toContain("simulat")
    const page = pageOf({ connection: undefined, simulatorUrl: "http://127.0.0.1:9999" })
    expect(page).toContain('action="/connect/simulator"')
    expect(faultsOf(page)).toEqual([])
    expect(pageOf({ connection, simulatorUrl: "http://127.0.0.1:9999" })).not.toContain('action="/connect/simulator"')
  })

  it("has words for its own codes and for no others", () => {
    expect(saidOf("connected")).toBe("connected")
    expect(troubleOf("rejected")).toBe("rejected")
    for (const code of ["x", "toString", "__proto__", "<b>", "", undefined]) {
      expect([saidOf(code), troubleOf(code), refusalWords(code)]).toEqual([undefined, undefined, undefined])
    }
    expect(refusalWords("TipHasExpired")).toContain("waited too long")
  })
})

describe("history page", () => {
  const viewOf = (given: Partial<HistoryView> = {}): HistoryView => ({
    visitor,
    past: [decisionOf()],
    olderMs: undefined,
    isFirst: true,
    bar: undefined,
    onlyRead: [],
    key: "k",
    nowMs,
    operatorLink: true,
    ...given,
  })
  const pageOf = (given: Partial<HistoryView> = {}) => render(historyPage(viewOf(given)))

  it("groups by the user's days and tells what was answered", () => {
    const page = words(pageOf({
      past: [
        decisionOf(),
        decisionOf({ state: "done", reactedAtMs: nowMs - 7_200_000, servedAtMs: nowMs - 8_000_000 }),
        decisionOf({ state: "expired", servedAtMs: nowMs - 86_400_000 }),
        decisionOf({ servedAtMs: nowMs - 3 * 86_400_000, expiresAtMs: nowMs - 1 }),
      ],
    }))
    expect(page).toMatch(/Today Book the dentist Waiting for your answer .*91% among 48 .*Done, 2 hours ago/)
    expect(page).toMatch(/Yesterday Book the dentist Not answered .*7 June Book the dentist Not answered/)
  })

  it("says of what was done whether the tool stays as it is, and how to change that", () => {
    const done = decisionOf({ state: "done", reactedAtMs: nowMs })
    const onlyRead = [{ provider: "todoist", mayBeGranted: true }] as const
    const page = pageOf({ onlyRead, past: [done] })
    expect(words(page)).toContain("Done here, just now")
    expect(words(page)).toContain("Todoist stays as it is: tipstream may only read there.")
    expect(page).toContain('<a href="/connect">Let it complete tasks</a>')
    expect(faultsOf(page)).toEqual([])
    for (const told of [pageOf({ past: [done] }), pageOf({ onlyRead, past: [decisionOf({ state: "dismiss" })] })]) {
      expect(words(told)).not.toMatch(/stays as it is|Done here/)
    }
    expect(words(pageOf({ onlyRead, past: [{ ...done, tip: tipOf({ source: "library" }) }] }))).toContain("Done, just")
  })

  it("takes back what can be taken back", () => {
    const states = ["open", "expired", "done", "acknowledge", "save"] as const
    expect(pageOf({ past: states.map((state) => decisionOf({ state })) })).not.toContain("/undo")
    for (const state of ["dismiss", "snooze"] as const) {
      expect(pageOf({ past: [decisionOf({ state })] })).toContain(`action="/tip/${tipId}/undo"`)
    }
  })

  it("pages by link, both ways", () => {
    expect(pageOf()).not.toContain("Older")
    expect(pageOf({ olderMs: 5 })).toContain('href="/history?before=5">Older')
    expect(pageOf({ isFirst: false })).toContain('href="/history">Newest')
    expect(words(pageOf({ past: [] }))).toContain("Nothing here yet")
    expect(words(pageOf({ past: [], isFirst: false }))).toContain("That was all")
  })

  it("holds any title as text", () => {
    fc.assert(fc.property(hostileText, (title) => {
      expect(faultsOf(pageOf({ past: [decisionOf({ tip: tipOf({ title }), state: "dismiss" })] }))).toEqual([])
    }))
  })
})

describe("operator page", () => {
  const text = "<b>\"'"
  const viewOf = (given: Partial<OperatorView> = {}): OperatorView => ({
    health: {
      status: "degraded",
      ready: true,
      problems: ["learner is 20000 events behind"],
      version: "0.1.0",
      runtime: "Deno 2.9.6",
      uptimeMs: 7_200_000,
      database: "up",
      log: "embedded",
      waiting: 0,
      consumers: [],
    },
    log: {
      streams: [{ stream: "SIGNALS", firstSequence: 1, lastSequence: 70, messages: 70, createdAtMs: nowMs }],
      consumers: [{ durable: text, stream: "SIGNALS", lag: 20_000, inFlight: 1, retrying: 0 }],
      deadLetters: [],
      deadLettersOpen: 0,
      events: [{
        stream: "SIGNALS",
        sequence: 70,
        id: text,
        type: text,
        time: "2026-06-10T07:58:00.000Z",
        tenantId: "default",
        userId: text,
        correlationId: text,
      }],
    },
    syncs: { providers: [], late: [] },
    actors: { counts: { running: 7 }, shown: [{ id: text, state: "running", queued: 0, restarts: 1 }] },
    live: true,
    durable: undefined,
    settled: {},
    byToken: false,
    nowMs,
    ...given,
  })
  const pageOf = (given: Partial<OperatorView> = {}) => render(operatorPage(viewOf(given)))
  const letterOf = (id: number) =>
    new DeadLetter({
      id,
      durable: text,
      stream: "SIGNALS",
      sequence: 5,
      subject: text,
      messageId: text,
      reason: "attempts-exhausted",
      detail: text,
      attempts: 5,
      diedAtMs: nowMs - 120_000,
      state: "open",
      redrives: 0,
    })
  const lettered = (given: Partial<OperatorView> = {}) =>
    pageOf({ log: { ...viewOf().log!, deadLetters: [letterOf(8), letterOf(7)], deadLettersOpen: 30 }, ...given })

  it("shows health, lag, actors and the last events as text", () => {
    const page = pageOf()
    expect(words(page)).toMatch(
      /degraded .*Up for 2 hours .*learner is 20000 events behind .*20000 1 0 .*2 minutes ago/,
    )
    expect(faultsOf(page)).toEqual([])
    expect(page.match(/<h1/g)).toHaveLength(1)
  })

  it("says where the event log stands, what waits for it, and that figures are old while it is away", () => {
    const { health } = viewOf()
    expect(words(pageOf())).toMatch(/Event log in the database/)
    const away = { ...health, log: "jetstream" as const, ready: false, waiting: 7 }
    const page = pageOf({ health: away })
    expect(words(page)).toMatch(/Event log on NATS, 7 events wait to get there/)
    expect(words(page)).toMatch(/Streams and consumers as last known/)
    expect(faultsOf(page)).toEqual([])
    expect(page.match(/Event log<\/dt>/g)).toHaveLength(1)
    expect(words(pageOf({ health: { ...away, ready: true, waiting: 1 } }))).toMatch(/1 event waits to get there/)
  })

  it("says of each tool how its users are, and who is late since when and why", () => {
    const counts = { connected: 800, needsReconnect: 50, failing: 150, due: 7, lagMs: 240_000 }
    const late = {
      tenantId: "default",
      userId: text,
      provider: "todoist",
      status: "connected",
      lastSyncAt: new Date(nowMs - 3_600_000).toISOString(),
      nextSyncAt: new Date(nowMs + 120_000).toISOString(),
      failures: 4,
      code: text,
      problem: text,
    } as const
    const page = pageOf({
      syncs: {
        providers: [
          {
            ...counts,
            provider: "todoist",
            circuit: "open",
            retryAt: new Date(nowMs + 30_000).toISOString(),
            problems: { RateLimited: 150 },
          },
          { ...counts, provider: "ical", circuit: "gone", retryAt: null, due: 0, problems: {} },
        ],
        late: [late, { ...late, status: "needs-reconnect", lastSyncAt: null, code: null, problem: null, failures: 0 }],
      },
    })
    expect(faultsOf(page)).toEqual([])
    expect(words(page)).toMatch(/Todoist held back , tried in a moment 800 150 50 7 4 minutes RateLimited: 150/)
    expect(words(page)).toMatch(/Calendar ended: update tipstream 800 150 50 0/)
    expect(words(page)).toMatch(
      /default Todoist 60 minutes ago &lt;b&gt;&quot;&#39; &lt;b&gt;&quot;&#39; 4 in 2 minutes/,
    )
    expect(words(page)).toMatch(/Todoist never has to be connected again 0 once the user connects again/)
    expect(words(pageOf())).toContain("Nobody is late.")
    expect(words(pageOf({ syncs: undefined }))).toContain("Who is late cannot be read just now.")
  })

  it("reloads itself until it is paused", () => {
    expect(pageOf()).toContain('<meta http-equiv="refresh" content="5">')
    expect(pageOf({ live: false })).not.toContain("refresh")
    expect(pageOf({ live: false })).toContain('href="/operator">Go live')
  })

  it("offers to send letters again or to drop them, each and all that are shown", () => {
    const page = lettered()
    expect(faultsOf(page)).toEqual([])
    expect(words(page)).toMatch(
      /8 &lt;b&gt;&quot;&#39; Send again Drop attempts-exhausted .* 2 minutes ago SIGNALS#5 5/,
    )
    expect(words(page)).toContain("2 of 30 shown")
    expect([...page.matchAll(/name="ids" value="([^"]*)"/g)].map(([, ids]) => ids)).toEqual(["8", "7", "8,7", "8,7"])
    expect(page).toContain('<a class="quiet" href="/operator/drop?ids=8" aria-label="Drop: letter 8">')
    // Nothing is dropped by one touch.
    expect(page).not.toMatch(/method="post" action="\/operator\/drop"/)
    expect(pageOf()).not.toMatch(/Send|action="\/operator\/(redrive|drop)"/)
  })

  it("keeps the consumer it shows, and that it is paused, through every action", () => {
    const page = lettered({ durable: text, live: false })
    const query = "durable=%3Cb%3E%22%27&amp;live=off"
    expect(page).toContain(`href="/operator?${query}#dead-letters" aria-current="true"`)
    expect(page).toContain(`href="/operator?live=off#dead-letters">All`)
    expect(page).toContain(`href="/operator/drop?ids=8&amp;${query}"`)
    expect(page.match(/name="durable" value="&lt;b&gt;&quot;&#39;"/g)).toHaveLength(4)
    expect(page.match(/name="live" value="off"/g)).toHaveLength(4)
    expect(words(pageOf({ durable: text }))).toContain("None of this consumer. ")
  })

  it("tells what became of the letters", () => {
    expect(words(lettered({ settled: { redriven: 1, refused: 2 } })))
      .toMatch(/Sent again: 1 letter\. .* Not sent: 2 letters\./)
    expect(words(pageOf({ settled: { dropped: 3 } }))).toContain("Dropped: 3 letters.")
  })

  it("asks before it drops", () => {
    const page = render(dropPage({ durable: text, live: true }, [8, 7]))
    expect(faultsOf(page)).toEqual([])
    expect(words(page)).toMatch(/Drop 2 letters\? No\. 8, 7\. .*Yes, drop for good Keep/)
    expect(page).toContain('<form method="post" action="/operator/drop"><input type="hidden" name="ids" value="8,7">')
    expect(page).not.toContain("refresh")
  })

  it("still stands when the store is gone", () => {
    expect(pageOf({ log: undefined })).toContain("The event log cannot be read just now.")
  })

  it("is closed by a door that says how to open it", () => {
    expect(render(operatorDoor("none"))).not.toContain("<form")
    expect(render(operatorDoor("token"))).toContain('action="/operator/sign-in"')
    expect(render(operatorDoor("wrong token"))).toContain("This is not the operator’s token.")
  })
})
