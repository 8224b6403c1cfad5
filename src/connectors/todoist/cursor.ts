/**
 * What the connector remembers between two calls, as the opaque string the caller keeps. Pure.
 *
 * Beside Todoist's sync token it holds what an incremental reply does not repeat and tasks cannot be read without: the
 * projects, the user's zone and the user's id; and the tasks that could not be understood, which no reply brings again
 * until they change. Its size follows the number of projects (some 70 bytes each).
 */
import { Option, Schema } from "effect"
import { isTimeZone } from "../../../schemas/localTime.ts"

export interface Project {
  readonly name: string
  readonly isArchived: boolean
}

export interface Cursor {
  readonly syncToken: string
  readonly projects: ReadonlyMap<string, Project>
  /** IANA zone; null when Todoist has none that this runtime knows. */
  readonly timeZone: string | null
  /** The user's id at Todoist: tells their own tasks from those of others in a shared project. */
  readonly userId: string | null
  /** Ids, to be asked for again, the one asked for least lately first; at most `quarantinedMax`. */
  readonly quarantined: ReadonlyArray<string>
}

/** Some 4 kB. More at once is a changed format, which the next release reads with a full sync. */
export const quarantinedMax = 200

const Wire = Schema.fromJsonString(Schema.Struct({
  v: Schema.Literals([1, 2]),
  syncToken: Schema.NonEmptyString,
  projects: Schema.Record(Schema.String, Schema.Struct({ name: Schema.String, archived: Schema.Boolean })),
  timeZone: Schema.NullOr(Schema.String),
  userId: Schema.NullOr(Schema.String),
  /** Since version 2. */
  quarantined: Schema.optionalKey(Schema.Array(Schema.String)),
}))

const decode = Schema.decodeUnknownOption(Wire)

export const encodeCursor = (cursor: Cursor): string =>
  JSON.stringify({
    v: 2,
    syncToken: cursor.syncToken,
    projects: Object.fromEntries(
      Array.from(cursor.projects, ([id, project]) => [id, { name: project.name, archived: project.isArchived }]),
    ),
    timeZone: cursor.timeZone,
    userId: cursor.userId,
    quarantined: cursor.quarantined.slice(0, quarantinedMax),
  })

/** Null for what no version of this file wrote, or a version it no longer reads: the next read is then a full one. */
export const decodeCursor = (text: string | null): Cursor | null => {
  if (text === null) return null
  const wire = Option.getOrNull(decode(text))
  return wire === null ? null : {
    syncToken: wire.syncToken,
    projects: new Map(
      Object.entries(wire.projects).map(([id, { name, archived }]) => [id, { name, isArchived: archived }]),
    ),
    timeZone: wire.timeZone !== null && isTimeZone(wire.timeZone) ? wire.timeZone : null,
    userId: wire.userId,
    quarantined: wire.quarantined ?? [],
  }
}
