/** The pages over ports that say what they are told to, and remember what they were asked. */
import { Context, Effect, Redacted } from "effect"
import { HttpRouter } from "effect/http"
import { Actors } from "../../actors/Actors.ts"
import type { AskError, SyncReport, UserMessage } from "../../actors/Actors.ts"
import { UserSyncStore } from "../../actors/UserSyncStore.ts"
import type { Connection } from "../../actors/UserSyncStore.ts"
import { Connectors } from "../../connectors/Connector.ts"
import type { ConnectorShape } from "../../connectors/Connector.ts"
import { OAuthAttempts } from "../../connectors/OAuthAttempts.ts"
import { TokenVault } from "../../connectors/TokenVault.ts"
import { Accounts } from "../../identity/Accounts.ts"
import { Sessions } from "../../identity/Sessions.ts"
import { Decisions, TipUnknown } from "../../recommender/Decisions.ts"
import type { PastDecision } from "../../recommender/Decisions.ts"
import { Feedback } from "../../recommender/Feedback.ts"
import type { FeedbackError, Given } from "../../recommender/Feedback.ts"
import { Recommender } from "../../recommender/Recommender.ts"
import { DeadLetters } from "../../streams/DeadLetters.ts"
import type { LetterFilter } from "../../streams/DeadLetters.ts"
import { EventLog } from "../../streams/EventLog.ts"
import { defaultTenant, UserId } from "../../../schemas/ids.ts"
import { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import { DatabaseProbe } from "../DatabaseProbe.ts"
import { HttpSettings } from "../HttpSettings.ts"
import { Lifecycle } from "../Lifecycle.ts"
import {
  attemptsOf,
  connectionOf,
  connectorOf,
  connectorsOf,
  decisionOf,
  lettersOf,
  plainVault,
  tipId,
} from "./pages.fixture.ts"
import * as Pages from "./pages.ts"

const { handler } = HttpRouter.toWebHandler(Pages.layer, { disableLogger: true })

/** Two browsers of one user, and one of another. */
const sessions = new Map(
  [["s1", "u1"], ["s2", "u1"], ["other", "u2"]].map(([session = "", user = ""]) => [
    session,
    { tenantId: defaultTenant, userId: UserId.make(user) },
  ]),
)

const owner = { tenantId: defaultTenant, userId: UserId.make("u1") }
export const down = new StoreUnavailable({ operation: "test", cause: "down" })

interface Scene {
  readonly demo?: boolean
  readonly adminToken?: string
  readonly simulator?: boolean
  readonly accountGone?: boolean
  readonly storeDown?: boolean
  readonly openTip?: boolean
  /** What became of the only tip there is. */
  readonly state?: PastDecision["state"]
  readonly pastTips?: number
  /** The recommender has nothing to give. */
  readonly nothing?: boolean
  readonly feedbackError?: FeedbackError
  readonly askError?: AskError
  readonly report?: Partial<SyncReport>
  readonly connectors?: ReadonlyArray<ConnectorShape>
  readonly connections?: ReadonlyArray<Connection>
  readonly publicHost?: string
}

interface Asked {
  readonly given: Array<Given>
  readonly messages: Array<UserMessage>
  readonly letters: Array<readonly [string, LetterFilter]>
  recommended: number
}

type OrDown = <A>(value: A) => Effect.Effect<A, StoreUnavailable>

const settingsOf = (given: Scene): HttpSettings["Service"] => ({
  demo: given.demo ?? true,
  secureCookies: given.publicHost !== undefined,
  ...(given.publicHost === undefined ? {} : { publicHost: given.publicHost }),
  adminToken: given.adminToken === undefined ? undefined : Redacted.make(given.adminToken),
  bodyMaxBytes: 65_536,
  version: "0.1.0",
  runtime: "test",
  startedAtMs: 0,
  simulator: given.simulator === true ? { url: "http://127.0.0.1:9999", token: "sim-token" } : undefined,
})

const tipPorts = (given: Scene, asked: Asked, orDown: OrDown) => {
  const shelf = { open: given.openTip ?? true }
  const past = decisionOf({ expiresAtMs: 8_640_000_000_000_000, state: given.state ?? "open" })
  return Context.empty().pipe(
    Context.add(Lifecycle, { phase: Effect.succeed("running" as const), enter: () => Effect.void }),
    Context.add(Sessions, {
      begin: () => Effect.succeed(Redacted.make("fresh")),
      find: (token) => orDown(sessions.get(Redacted.value(token))),
      end: () => orDown(undefined),
    }),
    Context.add(Accounts, {
      open: () => orDown(owner),
      profile: () =>
        orDown(given.accountGone === true ? undefined : { owner, displayName: "Demo", timeZone: "Nowhere/At_All" }),
    }),
    Context.add(
      Decisions,
      {
        find: (_, id) => id === tipId ? orDown(past) : Effect.fail(new TipUnknown({ tipId: id })),
        openTip: () => orDown(shelf.open ? past : undefined),
        history: () => orDown(Array.from({ length: given.pastTips ?? 1 }, () => past)),
      } as Partial<Decisions["Service"]> as Decisions["Service"],
    ),
    Context.add(Recommender, {
      recommend: () => {
        asked.recommended++
        if (given.nothing === true) {
          const none = { tip: null, reason: "all-sleeping" as const, propensity: null }
          return Effect.succeed({ ...none, servedAtMs: 0, dataAgeMs: 0, policy: "epsilon-greedy" })
        }
        shelf.open = true
        const served = { reason: null, servedAtMs: 0, dataAgeMs: 0, policy: "epsilon-greedy", propensity: 1 }
        return orDown({ ...served, tip: past.tip })
      },
    }),
    Context.add(Feedback, {
      give: (_, one) => {
        asked.given.push(one)
        return given.feedbackError === undefined
          ? Effect.succeed({ tipId: one.tipId, state: "done", recorded: true, tip: past })
          : Effect.fail(given.feedbackError)
      },
      expireDue: Effect.succeed(0),
    }),
  )
}

const toolPorts = (given: Scene, asked: Asked, orDown: OrDown) =>
  Context.empty().pipe(
    Context.add(
      UserSyncStore,
      {
        connections: () => orDown(given.connections ?? [connectionOf()]),
        summary: () => orDown([]),
        late: () => orDown([]),
      } as Partial<
        UserSyncStore["Service"]
      > as UserSyncStore["Service"],
    ),
    Context.add(Actors, {
      ask: (_, message) => {
        asked.messages.push(message)
        return given.askError === undefined
          ? Effect.succeed({ status: "synced", changes: 1, syncedAtMs: 1, lastEventId: null, ...given.report })
          : Effect.fail(given.askError)
      },
      snapshot: Effect.succeed([{ id: "default/u1", state: "running", queued: 0, restarts: 0 }]),
      drain: Effect.void,
    }),
    Context.add(Connectors, connectorsOf(...(given.connectors ?? [connectorOf()]))),
    Context.add(TokenVault, plainVault),
    Context.add(OAuthAttempts, attemptsOf()),
    Context.add(
      EventLog,
      {
        streams: orDown([]),
        consumers: orDown([]),
        state: Effect.succeed({ kind: "memory", isUp: true, problems: [], waiting: 0 }),
      } as Partial<EventLog["Service"]> as EventLog["Service"],
    ),
    Context.add(DatabaseProbe, {
      answers: Effect.match(orDown(true), { onFailure: () => false, onSuccess: () => true }),
    }),
    Context.add(
      DeadLetters,
      lettersOf(orDown, asked.letters),
    ),
  )

export const site = (given: Scene = {}) => {
  const asked: Asked = { given: [], messages: [], letters: [], recommended: 0 }
  const orDown: OrDown = (value) => given.storeDown === true ? Effect.fail(down) : Effect.succeed(value)
  const context = Context.make(HttpSettings, settingsOf(given)).pipe(
    Context.merge(tipPorts(given, asked, orDown)),
    Context.merge(toolPorts(given, asked, orDown)),
  )
  const send = (
    method: string,
    path: string,
    options: { form?: Record<string, string>; headers?: HeadersInit; signal?: AbortSignal } = {},
  ) =>
    handler(
      new Request(`http://127.0.0.1:8080${path}`, {
        method,
        headers: { host: "127.0.0.1:8080", cookie: "sid=s1", ...options.headers },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        ...(options.form === undefined ? {} : { body: new URLSearchParams(options.form) }),
        redirect: "manual",
      }),
      context,
    )
  const get = (path: string, headers: Record<string, string> = {}) => send("GET", path, { headers })
  const post = (path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}) =>
    send("POST", path, { form, headers })
  return { send, get, post, asked }
}

export const whereTo = (response: Response) => [response.status, response.headers.get("location")]
export const signedOut = { cookie: "" }
