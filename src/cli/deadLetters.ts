/** `tipstream dead-letters`: lists, shows, sends again and drops, by asking the running service. */
import { Clock, Console, Effect, Option } from "effect"
import { instantOf, letterTable, letterWords, printable } from "./letterReport.ts"
import type { LetterView, OpenedView } from "./letterReport.ts"
import { operatorClient } from "./operatorClient.ts"
import { CannotStart } from "./problem.ts"

interface Reach {
  readonly url: Option.Option<string>
  readonly json: boolean
}

interface Conditions {
  readonly durable: Option.Option<string>
  readonly stream: Option.Option<string>
  readonly reason: Option.Option<string>
  readonly tenant: Option.Option<string>
  readonly user: Option.Option<string>
  readonly since: Option.Option<string>
  readonly until: Option.Option<string>
}

export interface ListOptions extends Reach, Conditions {
  readonly state: string
  readonly before: Option.Option<number>
  readonly limit: number
}

export interface SettleOptions extends Reach, Conditions {
  readonly id: ReadonlyArray<number>
  readonly all: boolean
  readonly limit: Option.Option<number>
  readonly dryRun: boolean
}

const path = "/v1/admin/dead-letters"

export const listLetters = Effect.fnUntraced(function* ({ url, json, state, before, limit, ...given }: ListOptions) {
  const { ask } = yield* operatorClient(Option.getOrUndefined(url))
  const nowMs = yield* Clock.currentTimeMillis
  yield* expectLimit(limit, 100)
  if (Option.isSome(before)) yield* expectId("before", before.value)
  const query = new URLSearchParams({ ...(yield* conditionsOf(given, nowMs)), state, limit: String(limit) })
  if (Option.isSome(before)) query.set("before", String(before.value))
  const answer = (yield* ask("GET", `${path}?${query}`)) as {
    readonly deadLetters: ReadonlyArray<LetterView>
    readonly next: number | null
  }
  if (json) return yield* printJson(answer)
  yield* print(letterTable(answer.deadLetters, nowMs))
  if (answer.next !== null) yield* print([`there may be more: --before ${answer.next}`])
})

export const showLetter = Effect.fnUntraced(function* ({ url, json, id }: Reach & { readonly id: number }) {
  const { ask } = yield* operatorClient(Option.getOrUndefined(url))
  const opened = (yield* ask("GET", `${path}/${id}`)) as OpenedView
  yield* json ? printJson(opened) : print(letterWords(opened, yield* Clock.currentTimeMillis))
})

export const redriveLetters = Effect.fnUntraced(function* (options: SettleOptions) {
  const { ask } = yield* operatorClient(Option.getOrUndefined(options.url))
  const report = (yield* ask("POST", `${path}/redrive`, yield* choiceOf(options))) as {
    readonly redriven: ReadonlyArray<{ readonly id: number; readonly messageId: string }>
    readonly refused: ReadonlyArray<{ readonly id: number; readonly problem: string }>
  }
  const { redriven, refused } = report
  if (options.json) yield* printJson(report)
  else {
    const words = options.dryRun ? "would be sent again" : "sent again"
    yield* print([
      ...redriven.map(({ id, messageId }) => printable(`letter ${id}: ${words} as ${messageId}`)),
      ...refused.map(({ id, problem }) => printable(`letter ${id}: refused, ${problem}`)),
      `in all ${redriven.length} ${words}, ${refused.length} refused`,
    ])
  }
  if (refused.length > 0) {
    return yield* new CannotStart({ lines: [`${refused.length} of the letters cannot be sent again`] })
  }
})

export const dropLetters = Effect.fnUntraced(function* (options: SettleOptions) {
  const { ask } = yield* operatorClient(Option.getOrUndefined(options.url))
  const report = (yield* ask("POST", `${path}/drop`, yield* choiceOf(options))) as {
    readonly dropped: ReadonlyArray<number>
  }
  const { dropped } = report
  // At the limit, one that was named may only have to wait for its turn.
  const isFull = Option.isSome(options.limit) && dropped.length >= options.limit.value
  const refused = isFull ? [] : [...new Set(options.id)].filter((id) => !dropped.includes(id))
  if (options.json) yield* printJson(report)
  else {
    const words = options.dryRun ? "would be dropped" : "dropped"
    yield* print([
      ...dropped.map((id) => `letter ${id}: ${words}`),
      ...refused.map((id) => `letter ${id}: refused, there is no such open letter`),
      `in all ${dropped.length} ${words}, ${refused.length} refused`,
    ])
  }
  if (refused.length > 0) {
    return yield* new CannotStart({ lines: [`${refused.length} of the letters cannot be dropped`] })
  }
})

/** What says nothing must not mean everything by accident. */
const choiceOf = Effect.fnUntraced(function* (options: SettleOptions) {
  const { id: ids, all, limit, dryRun } = options
  for (const one of ids) yield* expectId("id", one)
  if (Option.isSome(limit)) yield* expectLimit(limit.value, 1_000)
  const conditions = yield* conditionsOf(options, yield* Clock.currentTimeMillis)
  if (ids.length === 0 && Object.keys(conditions).length === 0 && !all) {
    return yield* new CannotStart({ lines: ["name letters with --id, or another condition, or say --all"] })
  }
  return {
    ...conditions,
    ...(ids.length === 0 ? {} : { ids }),
    ...(all ? { all } : {}),
    ...(Option.isSome(limit) ? { limit: limit.value } : {}),
    dryRun,
  }
})

const conditionsOf = Effect.fnUntraced(function* (
  { durable, stream, reason, tenant, user, since, until }: Conditions,
  nowMs: number,
) {
  const conditions: Record<string, string> = {}
  for (const [name, value] of Object.entries({ durable, stream, reason, tenant, user })) {
    if (Option.isSome(value)) conditions[name] = value.value
  }
  for (const [name, value] of Object.entries({ since, until })) {
    if (Option.isNone(value)) continue
    const at = instantOf(value.value, nowMs)
    if (at === undefined) return yield* refused(name, "30m, 2h or 7d (ago), or RFC 3339 as 2026-11-20T08:00:00Z")
    conditions[name] = at
  }
  return conditions
})

/** What the service would refuse in the words of its API, in those of the command. */
const expectLimit = (limit: number, most: number): Effect.Effect<void, CannotStart> =>
  limit >= 1 && limit <= most ? Effect.void : refused("limit", `a whole number from 1 to ${most}`)

const expectId = (flag: string, id: number): Effect.Effect<void, CannotStart> =>
  id >= 1 ? Effect.void : refused(flag, "the id of a letter, from 1")

const refused = (flag: string, expected: string) =>
  Effect.fail(new CannotStart({ lines: [`--${flag}: expected ${expected}`] }))

const print = (lines: ReadonlyArray<string>) => Console.log(lines.join("\n"))

/** Stable: fields are only ever added. */
const printJson = (value: unknown) => Console.log(JSON.stringify(value, null, 2))
