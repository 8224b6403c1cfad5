/** The edge cases of credentials, from the first to the last day of a connection, by their numbers in the notes. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { credentialOf, rejected, task, token, unavailable } from "./userSync.fixture.ts"
import { connection, disconnect, startMs, syncNow, typesOf, world } from "./userSyncWorld.fixture.ts"

const rotating = credentialOf("access-0", {
  refreshToken: Redacted.make("refresh-0"),
  expiresAtMs: startMs + 3_600_000,
})

describe("credentials that rotate", () => {
  it.effect(
    "edge case 24 - refused: refreshed once, tried once more, and only then is the user asked to connect again",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect(rotating)
        it.tool.failures.push({ error: rejected })
        expect(yield* it.ask(syncNow)).toMatchObject({ status: "synced" })
        expect(it.tool.requests.map((one) => one.token)).toEqual(["access-0", "access-0", "access-1"])
        it.tool.failures.push({ error: rejected }, { error: rejected })
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "ConnectionRejected" })
        expect(it.tool.refreshes).toEqual(["refresh-0", "refresh-1"])
        expect(connection(it.store)).toMatchObject({ status: "needs-reconnect", problemCode: "TokenRejected" })
      })
    ),
  )

  it.effect(
    "edge case 25 - are persisted before they are used",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect(rotating)
        yield* TestClock.adjust(3_600_000)
        it.store.failingCommits = 1
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "StoreUnavailable" })
        expect(it.tool.requests).toHaveLength(1) // nothing was sent with what was not kept
        yield* it.ask(syncNow)
        expect(it.tool.refreshes).toEqual(["refresh-0", "refresh-0"]) // within the tool's grace
        expect(it.tool.requests.at(-1)!.token).toBe("access-2")
      })
    ),
  )

  it.effect(
    "edge case 25 - whose refresh token is refused need the user",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect(rotating)
        yield* TestClock.adjust(3_600_000)
        it.tool.refreshFailure = rejected
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "ConnectionRejected" })
        expect(connection(it.store).status).toBe("needs-reconnect")
      })
    ),
  )

  it.effect(
    "edge case 26 - are refreshed a minute before they end, and never when nobody said that they do",
    world((it) =>
      Effect.gen(function* () {
        yield* it.connect(rotating)
        yield* TestClock.adjust(3_600_000 - 91_000)
        yield* it.ask(syncNow)
        expect(it.tool.refreshes).toEqual([])
        yield* TestClock.adjust(31_000)
        yield* it.ask(syncNow)
        expect(it.tool.refreshes).toEqual(["refresh-0"])
        yield* TestClock.adjust("30 days")
        yield* it.ask(syncNow)
        expect(it.tool.refreshes).toEqual(["refresh-0"])
      })
    ),
  )
})

describe("leaving", () => {
  it.effect(
    "edge case 31 - wipes here whatever the tool says, and what it could not be told stays owed",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.tool.revokeFailure = unavailable
        expect(yield* it.ask(disconnect)).toMatchObject({ status: "disconnected", revocation: "pending" })
        expect(connection(it.store)).toMatchObject({ status: "disconnected", sealedToken: null, accountId: null })
        expect([it.store.row().tasks.size, it.store.owed.size]).toEqual([0, 1])
        it.tool.revokeFailure = undefined
        yield* it.connect()
        expect(yield* it.ask(disconnect)).toMatchObject({ revocation: "done" })
        expect([it.tool.revoked, it.store.owed.size]).toEqual([[token], 1])
      })
    ),
  )

  it.effect(
    "edge case 32 - another account is asked about, changes nothing by itself, and replaces the old one whole",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("old"))
        yield* it.connect()
        it.tool.accountId = "account-2"
        it.tool.forget("old")
        it.tool.open(task("new"))
        const before = it.store.commits.length
        expect(yield* Effect.flip(it.connect(credentialOf("other")))).toMatchObject({ _tag: "DifferentAccount" })
        expect(it.store.commits).toHaveLength(before)
        yield* it.connect(credentialOf("other"), true)
        expect([...it.store.row().tasks.keys()]).toEqual(["new"])
        expect(connection(it.store)).toMatchObject({ accountId: "account-2", status: "connected" })
        expect(typesOf(it.store).slice(-4)).toEqual([
          "signals.task.removed",
          "signals.connection.disconnected",
          "signals.task.appeared",
          "signals.connection.connected",
        ])
        expect(it.store.owed.size).toBe(1) // the old account's token is to be taken back
      })
    ),
  )

  it.effect(
    "edge case 32 - a token that suddenly speaks for another account is not read on with",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.tool.accountId = "account-2"
        it.tool.open(task("2"))
        expect(yield* Effect.flip(it.ask(syncNow))).toMatchObject({ _tag: "ConnectionRejected" })
        expect(connection(it.store)).toMatchObject({ status: "needs-reconnect", problemCode: "DifferentAccount" })
        expect([...it.store.row().tasks.keys()]).toEqual(["1"])
      })
    ),
  )
})

describe("a tool that is no longer offered", () => {
  it.effect(
    "can be left: what is here is wiped, and what it could not be told stays owed",
    world((it) =>
      Effect.gen(function* () {
        it.tool.open(task("1"))
        yield* it.connect()
        it.tool.isOffered = false
        expect(yield* it.ask({ _tag: "Disconnect", provider: "ical" })).toMatchObject({ status: "not-connected" })
        expect(yield* it.ask(disconnect)).toMatchObject({ status: "disconnected", revocation: "pending" })
        expect([it.store.row().tasks.size, connection(it.store).sealedToken, it.store.owed.size]).toEqual([0, null, 1])
      })
    ),
  )
})
