/** A tip, a decision and a connection for tests of pages, and what judges the markup that comes out. */
import { Effect, Redacted, Stream } from "effect"
import fc from "fast-check"
import type { Connection } from "../../actors/UserSyncStore.ts"
import type { Connectors, ConnectorShape } from "../../connectors/Connector.ts"
import type { AttemptKey, OAuthAttempt, OAuthAttempts } from "../../connectors/OAuthAttempts.ts"
import type { TokenVault } from "../../connectors/TokenVault.ts"
import type { PastDecision } from "../../recommender/Decisions.ts"
import type { DeadLetters, LetterFilter } from "../../streams/DeadLetters.ts"
import type { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import { DecisionId } from "../../../schemas/ids.ts"
import type { Tip } from "../../../schemas/Tip.ts"

/** Wednesday, 10 June 2026, 10:00 in Berlin. */
export const nowMs = Date.parse("2026-06-10T08:00:00Z")
export const visitor = { name: "Marta", zone: "Europe/Berlin" }
export const tipId = DecisionId.make("01975a2e-0000-7000-8000-000000000001")

export const tipOf = (given: Partial<Tip> = {}, meta: Partial<Tip["meta"]> = {}): Tip => ({
  id: tipId,
  kind: "todo",
  title: "Book the dentist",
  body: "",
  source: "todoist",
  deepLink: "https://app.todoist.com/app/task/7",
  ...given,
  meta: {
    candidateId: "todoist:7",
    projectName: "Health",
    labels: ["phone"],
    priority: 3,
    dueDate: "2026-06-10",
    dueAt: null,
    isRecurring: false,
    why: ["Due today", "A quick one"],
    expiresAt: "2026-06-10T12:00:00.000Z",
    ...meta,
  },
})

export const decisionOf = (given: Partial<PastDecision> = {}): PastDecision => ({
  decisionId: tipId,
  tip: tipOf(),
  state: "open",
  policy: "epsilon-greedy",
  propensity: 0.91,
  considered: 48,
  servedAtMs: nowMs - 60_000,
  expiresAtMs: nowMs + 3_600_000,
  reactedAtMs: null,
  ...given,
})

export const connectionOf = (given: Partial<Connection> = {}): Connection => ({
  provider: "todoist",
  status: "connected",
  sealedToken: new Uint8Array(),
  familyId: "f",
  scopes: null,
  expiresAtMs: null,
  accountId: "a",
  cursor: "c",
  version: 3,
  connectedAtMs: nowMs - 3 * 86_400_000,
  syncedAtMs: nowMs - 3 * 60_000,
  nextSyncAtMs: nowMs + 120_000,
  failures: 0,
  lastProblem: null,
  problemCode: null,
  ...given,
})

/** A connector that takes what it is given, and calls nobody. */
export const connectorOf = (given: Partial<ConnectorShape> = {}): ConnectorShape => {
  const unused = () => Effect.die("not asked for in this test")
  return {
    provider: "todoist",
    grants: ["token"],
    canAct: true,
    circuit: Effect.succeed({ state: "closed", retryAtMs: null }),
    beginOAuth: unused,
    finishOAuth: unused,
    fromToken: (accessToken) => Effect.succeed({ ...credential, accessToken }),
    refresh: unused,
    fetchSignals: () => Stream.die("not asked for in this test"),
    act: unused,
    whereabouts: unused,
    revoke: () => Effect.void,
    readWebhook: undefined,
    ...given,
  }
}

const credential = { refreshToken: null, expiresAtMs: null, scopes: null, familyId: "f", issuedAtMs: 0 }

export const connectorsOf = (...all: ReadonlyArray<ConnectorShape>): Connectors["Service"] => ({
  all,
  of: (provider) => all.find((one) => one.provider === provider),
})

/** Kept in memory; `kept` says whose state and session they are, in hex. */
export const attemptsOf = (kept = new Map<string, OAuthAttempt>()): OAuthAttempts["Service"] => {
  const nameOf = (key: AttemptKey) => `${Buffer.from(key.stateHash).toString("hex")} ${key.sessionHash.join()}`
  return {
    begin: (key, attempt) => Effect.sync(() => void kept.set(nameOf(key), attempt)),
    take: (key) =>
      Effect.sync(() => {
        const attempt = kept.get(nameOf(key))
        kept.delete(nameOf(key))
        return attempt
      }),
  }
}

/** Writes the token down, so that a test can see which one it was. */
export const plainVault: TokenVault["Service"] = {
  seal: (_, __, { accessToken }) => Effect.succeed(new TextEncoder().encode(Redacted.value(accessToken))),
  open: () => Effect.die("not asked for in this test"),
  activeKeyId: "k",
  keyIds: ["k"],
}

/** Dead letters that say what became of any, and remember what they were asked. */
export const lettersOf = (
  orDown: <A>(value: A) => Effect.Effect<A, StoreUnavailable>,
  asked: Array<readonly [string, LetterFilter]>,
): DeadLetters["Service"] => {
  const after = <A>(what: string, filter: LetterFilter, value: A) => {
    asked.push([what, filter])
    return orDown(value)
  }
  const refused = [{ id: 2, problem: "no" }]
  return {
    record: () => orDown(undefined),
    find: () => orDown(undefined),
    list: (filter) => after("list", filter, []),
    count: () => orDown(0),
    redrive: (filter) => after("redrive", filter, { redriven: [{ id: 1, messageId: "a" }], refused }),
    drop: (filter) => after("drop", filter, [1, 2]),
  }
}

const shards = [
  `<script> </title> " ' & < > &lt; \` = ]]> --> <!-- <img ** * [ ]( ) a é 🪴 שלום onerror=x>`,
  `javascript:alert(1) data:text/html,x https://e.org/"onclick=x https://user:pw@e.org/ https://e.org`,
].flatMap((line) => line.split(" "))

const hostile = fc.constantFrom(...shards, "<img onerror=x>", "- ", "> ", "\n", "\r", "\u0000", "\u2028", " ")

/** Text that wants to become markup, Markdown included. */
export const hostileText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.array(hostile, { maxLength: 24 }).map((parts) => parts.join("")),
)

const elements = [
  "html head meta title link body header nav main footer section article div",
  "h1 h2 p ul ol li dl dt dd blockquote span bdi strong em code br",
  "a form input label button details summary small time table thead tbody tr th td",
].flatMap((line) => line.split(" "))

const tag = /^<(\/?)([a-z][a-z0-9]*)((?: [a-z-]+(?:="[^"<>]*")?)*)>$/
const plainText = /^[^<>"']*$/

/** What no browser should meet in a page of ours; empty when all is well. */
export const faultsOf = (page: string): ReadonlyArray<string> =>
  page.replace(/^<!doctype html>\n/, "").replaceAll(/\n(?=[a-z-]+=")/g, " ").split(/(<[^>]*>)/).flatMap((piece, at) => {
    if (at % 2 === 0) return plainText.test(piece) ? [] : [`text: ${piece}`]
    const [, , name = "", attributes = ""] = tag.exec(piece) ?? []
    const links = [...attributes.matchAll(/ (?:href|action|formaction)="([^"]*)"/g)].map(([, address = ""]) => address)
    const strange = links.filter((address) => !/^(?:\/(?!\/)|https:\/\/|http:\/\/127\.0\.0\.1:|#)/.test(address))
    const handlers = / (?:on[a-z]+|style|srcdoc|src)\b/.test(attributes.replaceAll(/="[^"]*"/g, ""))
    return !elements.includes(name) || handlers || strange.length > 0 ? [`tag: ${piece}`] : []
  })
