/**
 * What every command handler shares: its inputs, its answer, and the reading of arguments.
 * A handler is a pure decision; `runCommands` applies it.
 */
import type { Account, Change } from "./account.ts"
import { type ApiError, argumentMissing, invalidArgument } from "./apiError.ts"
import type { Moment } from "./due.ts"
import type { Switches } from "./switches.ts"

export type Args = Readonly<Record<string, unknown>>

export type Decision = {
  readonly changes: ReadonlyArray<Change>
  /** The object the command is about. */
  readonly subject: string
  /** Present when the command made it. */
  readonly created?: true
  readonly completions?: number
  /** Items that no reply will ever mention again. */
  readonly vanished?: ReadonlyArray<string>
}

export type Context = Moment & {
  /** Called at most once per object made, so ids depend only on the account's generator. */
  readonly newId: () => string
  readonly switches: Switches
  /** Who acts: the account's user, or somebody in a shared project. */
  readonly actorId: string
}

export type Handler = (account: Account, args: Args, context: Context) => Decision | ApiError

/** Todoist takes booleans and 0/1 alike. */
export const flag = (value: unknown, fallback: boolean): boolean =>
  value === undefined || value === null ? fallback : value === true || value === 1 || value === "1" || value === "true"

/** An argument that is absent counts as null. */
export const given = (args: Args, key: string): unknown => args[key] ?? null

const isText = (value: unknown, max: number): value is string => typeof value === "string" && value.length <= max

/** Todoist refuses longer task names. */
export const contentMax = 500
/** And longer descriptions. */
export const descriptionMax = 16_383

/** A text that must not be blank. */
export const requiredText = (args: Args, key: string): string | ApiError => {
  const value = args[key]
  if (value === undefined || value === null) return argumentMissing(key)
  return isText(value, contentMax) && value.trim() !== ""
    ? value
    : invalidArgument(key, `a text of 1 to ${contentMax} characters`)
}

/** The first failure, if any check failed. */
export const firstError = (...checks: ReadonlyArray<ApiError | undefined>): ApiError | undefined =>
  checks.find((check) => check !== undefined)

export const optional = (
  args: Args,
  key: string,
  expected: string,
  holds: (value: unknown) => boolean,
): ApiError | undefined => (args[key] === undefined || holds(args[key]) ? undefined : invalidArgument(key, expected))

export const isWhole = (from: number, to: number) => (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= from && (value as number) <= to

export const isTextUpTo = (max: number) => (value: unknown): boolean => isText(value, max)
