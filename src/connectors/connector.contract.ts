/**
 * What a connector must do to stand behind the port. Every connector's test runs this suite against a stand-in of its
 * tool: docs/connectors.md says how.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Redacted, type Scope, Stream, Tracer } from "effect"
import { inspect } from "node:util"
import { isTimeZone } from "../../schemas/localTime.ts"
import { type Act, actsMax, type ConnectorError, type ConnectorShape, type Signal } from "./Connector.ts"
import type { Credential } from "./Credential.ts"

/** How the stand-in answers until it is told otherwise. */
export type Behaviour =
  | "well"
  /** The credential is dead. */
  | "unauthorized"
  /** Too many requests. */
  | "limited"
  /** 500 or 503, in the tool's own words. */
  | "failing"
  /** A page of something in between. */
  | "html"
  /** A good reply whose connection ends in the middle. */
  | "cut-off"
  /** Takes the request and does not answer. */
  | "silent"

export interface ToolUnderTest {
  readonly connector: ConnectorShape
  /** Of an account that holds open tasks and stays as it is. */
  readonly credential: Credential
  readonly behave: (behaviour: Behaviour) => Effect.Effect<void>
  /** Returns once a request has arrived since the last `behave`. */
  readonly asked: Effect.Effect<void>
  /** What belongs into tasks and requests only: the token, titles, what error replies quote. */
  readonly canaries: ReadonlyArray<string>
}

/** Made anew for each test. */
export type MakeTool = Effect.Effect<ToolUnderTest, never, Scope.Scope>

export const suite = (name: string, make: MakeTool): void => {
  describe(`${name} - reading`, () => reading(make))
  describe(`${name} - failing`, () => failing(make))
  describe(`${name} - acting`, () => acting(make))
  describe(`${name} - grants`, () => grants(make))
}

type Seen = Array<Signal>

const fetchInto = (tool: ToolUnderTest, seen: Seen, since: string | null = null) =>
  Stream.runForEach(
    tool.connector.fetchSignals({ credential: tool.credential, since }),
    (signal) => Effect.sync(() => void seen.push(signal)),
  )

const fetch = (tool: ToolUnderTest, since: string | null = null) =>
  Effect.suspend(() => {
    const seen: Seen = []
    return Effect.as(fetchInto(tool, seen, since), seen)
  })

const tasksOf = (seen: Seen) => seen.flatMap((signal) => signal._tag === "Task" ? [signal.observation] : [])

const positionsOf = (seen: Seen) => seen.flatMap((signal) => signal._tag === "Position" ? [signal] : [])

/** Whatever any logger, tracer or dead letter could make of it. */
const everyPrint = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return ""
  const errors = exit.cause.reasons.map((reason) => reason._tag === "Fail" ? reason.error : reason)
  return [Cause.pretty(exit.cause), inspect(exit, { depth: 12 }), JSON.stringify(exit), ...errors.map(String)].join(
    "\n",
  )
}

const reading = (make: MakeTool) => {
  it.live("a read from the start is a snapshot that ends with one position, each task once", () =>
    Effect.gen(function* () {
      const seen = yield* fetch(yield* make)
      expect(positionsOf(seen)).toEqual([seen.at(-1)])
      expect(seen.at(-1)).toMatchObject({ _tag: "Position", isSnapshot: true })
      const ids = tasksOf(seen).map(({ task }) => task.taskId)
      expect(ids.length).toBeGreaterThan(0)
      expect(new Set(ids).size).toBe(ids.length)
      const accounts = seen.filter((signal) => signal._tag === "Account")
      expect(accounts.length).toBeLessThanOrEqual(1)
      for (const { timeZone } of accounts) expect(timeZone === null || isTimeZone(timeZone)).toBe(true)
    }))

  it.live("the same cursor gives the same tasks, as often as it is used", () =>
    Effect.gen(function* () {
      const tool = yield* make
      const first = yield* fetch(tool)
      expect(tasksOf(yield* fetch(tool))).toEqual(tasksOf(first))
      const { cursor } = positionsOf(first)[0]!
      const next = yield* fetch(tool, cursor)
      expect(tasksOf(yield* fetch(tool, cursor))).toEqual(tasksOf(next))
      expect(positionsOf(next)).toEqual([next.at(-1)])
    }))

  it.live("reading on where nothing happened brings nothing that was not known", () =>
    Effect.gen(function* () {
      const tool = yield* make
      const first = yield* fetch(tool)
      const next = yield* fetch(tool, positionsOf(first)[0]!.cursor)
      const isSnapshot = positionsOf(next)[0]?.isSnapshot
      if (isSnapshot === true) expect(tasksOf(next)).toEqual(tasksOf(first))
      else for (const one of tasksOf(next)) expect(tasksOf(first)).toContainEqual(one)
    }))

  it.live("a cursor that no version of it wrote leads to a snapshot, not to a failure", () =>
    Effect.gen(function* () {
      const tool = yield* make
      for (const since of ["", "nonsense", "{}", `{"v":999}`]) {
        expect(positionsOf(yield* fetch(tool, since)), since).toMatchObject([{ isSnapshot: true }])
      }
    }))
}

const expectations: ReadonlyArray<readonly [Behaviour, Partial<ConnectorError>]> = [
  ["unauthorized", { _tag: "TokenRejected" }],
  ["limited", { _tag: "RateLimited" }],
  ["failing", { _tag: "ProviderUnavailable" }],
  ["html", { _tag: "ProviderUnavailable" }],
  ["cut-off", { _tag: "ProviderUnavailable" }],
]

const failing = (make: MakeTool) => {
  it.live.each(expectations)(
    "a tool that is %s fails as one error and gives no position",
    ([behaviour, expected]) =>
      Effect.gen(function* () {
        const tool = yield* make
        const { cursor } = positionsOf(yield* fetch(tool))[0]!
        yield* tool.behave(behaviour)
        for (const since of [null, cursor]) {
          const seen: Seen = []
          expect(yield* Effect.flip(fetchInto(tool, seen, since))).toMatchObject(expected)
          expect(positionsOf(seen)).toEqual([])
        }
      }),
  )

  it.live("a read that is interrupted on its way gives no position, and the next one gives all", () =>
    Effect.gen(function* () {
      const tool = yield* make
      yield* tool.behave("silent")
      const seen: Seen = []
      const fiber = yield* Effect.forkChild(fetchInto(tool, seen))
      yield* tool.asked
      yield* Fiber.interrupt(fiber)
      expect(positionsOf(seen)).toEqual([])
      yield* tool.behave("well")
      const all = yield* fetch(tool)
      // Taking the first of several and leaving must not count as having read them.
      const taken: Seen = yield* tool.connector.fetchSignals({ credential: tool.credential, since: null }).pipe(
        Stream.take(1),
        Stream.runCollect,
      )
      expect(all.length).toBeGreaterThan(1)
      expect(positionsOf(taken)).toEqual([])
    }))

  it.live("credential and content stay out of errors and spans", () =>
    Effect.gen(function* () {
      const tool = yield* make
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        },
      })
      const prints: Array<string> = []
      for (const [behaviour] of [["well"] as const, ...expectations]) {
        yield* tool.behave(behaviour)
        prints.push(everyPrint(yield* Effect.exit(fetch(tool)).pipe(Effect.withTracer(tracer))))
      }
      // What a span ended with is told to nobody unless it failed.
      const spanned = spans.map(({ attributes, events, name, status }) =>
        inspect([name, attributes, events, status._tag === "Ended" && Exit.isFailure(status.exit) ? status.exit : ""], {
          depth: 12,
        })
      ).join("\n")
      for (const canary of tool.canaries) {
        expect(canary.length).toBeGreaterThan(3)
        expect(prints.join("\n")).not.toContain(canary)
        expect(spanned).not.toContain(canary)
      }
    }))
}

const actOn = (taskId: string, n: number): Act => ({
  actId: `f8539c77-7fd7-4846-afad-${String(n).padStart(12, "0")}`,
  kind: "complete",
  taskId,
})

const acting = (make: MakeTool) => {
  it.live("acts have one outcome each, in their order; on tasks that do not exist none is done", () =>
    Effect.gen(function* () {
      const { connector, credential } = yield* make
      const acts = [1, 2, 3].map((n) => actOn(`no-such-task-${n}`, n))
      const outcomes = yield* connector.act({ credential, acts })
      expect(outcomes.map(({ actId }) => actId)).toEqual(acts.map(({ actId }) => actId))
      for (const { outcome } of outcomes) expect(outcome).not.toBe("done")
      if (!connector.canAct) { for (const { outcome } of outcomes) expect(outcome).toBe("forbidden") }
      expect(yield* connector.act({ credential, acts: [] })).toEqual([])
    }))

  it.live(`more than ${actsMax} acts at once are a defect`, () =>
    Effect.gen(function* () {
      const { connector, credential } = yield* make
      const acts = Array.from({ length: actsMax + 1 }, (_, n) => actOn("t", n))
      const exit = yield* Effect.exit(connector.act({ credential, acts }))
      expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
    }))

  it.live("whereabouts are told of what was asked, and of nothing when nothing was", () =>
    Effect.gen(function* () {
      const { connector, credential } = yield* make
      expect((yield* connector.whereabouts(credential, [])).size).toBe(0)
      const asked = ["no-such-task-1", "no-such-task-2"]
      const told = yield* connector.whereabouts(credential, asked)
      expect(Array.from(told.keys()).filter((taskId) => !asked.includes(taskId))).toEqual([])
      for (const where of told.values()) expect(["deleted", "unknown"]).toContain(where)
    }))
}

const nonsense = ["", " ", "two words", "line\nbreak", "nul\u0000byte", "tök€n", "x".repeat(10_000)]

const grants = (make: MakeTool) => {
  it.live("what nobody issues as a credential is refused by its kind, and not repeated", () =>
    Effect.gen(function* () {
      const { connector } = yield* make
      for (const text of nonsense) {
        const exit = yield* Effect.exit(connector.fromToken(Redacted.make(text)))
        expect(Exit.isFailure(exit), JSON.stringify(text.slice(0, 20))).toBe(true)
        const error = yield* Effect.flip(connector.fromToken(Redacted.make(text)))
        expect(["TokenRejected", "GrantUnsupported"]).toContain(error._tag)
        if (text.trim().length > 3) expect(everyPrint(exit)).not.toContain(text)
      }
    }))

  it.live("what it says it cannot do it refuses as unsupported", () =>
    Effect.gen(function* () {
      const { connector, credential } = yield* make
      const redirectUri = "http://127.0.0.1/back"
      if (!connector.grants.includes("oauth")) {
        const begun = connector.beginOAuth({ redirectUri, state: "s", codeChallenge: "c", mayAct: false })
        expect(yield* Effect.flip(begun)).toMatchObject({ _tag: "GrantUnsupported" })
        const secret = Redacted.make("a-code")
        const finished = connector.finishOAuth({ redirectUri, code: secret, codeVerifier: secret })
        expect(yield* Effect.flip(finished)).toMatchObject({ _tag: "GrantUnsupported" })
      }
      if (credential.refreshToken === null) {
        expect(["GrantUnsupported", "TokenRejected"]).toContain(
          (yield* Effect.flip(connector.refresh(credential)))._tag,
        )
      }
      if (connector.readWebhook !== undefined) {
        const refused = yield* Effect.flip(connector.readWebhook({}, new TextEncoder().encode("{}")))
        expect(refused).toMatchObject({ _tag: "WebhookRefused" })
      }
    }))

  it.live("a credential can be given back, and given back again", () =>
    Effect.gen(function* () {
      const { connector, credential } = yield* make
      yield* connector.revoke(credential)
      yield* connector.revoke(credential)
    }))

  it.live("a credential shows nowhere it is printed", () =>
    Effect.gen(function* () {
      const { credential } = yield* make
      const secret = Redacted.value(credential.accessToken)
      for (const shown of [inspect(credential, { depth: 9 }), JSON.stringify(credential), String(credential)]) {
        expect(shown).not.toContain(secret)
      }
    }))
}
