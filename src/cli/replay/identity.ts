/** What says which replay this was: two with equal identities gave the same events. */
import type { StreamName } from "../../streams/names.ts"

/** What was asked for, word for word. */
export interface Asked {
  readonly stream: StreamName
  readonly from: string | undefined
  readonly to: string | undefined
  readonly tenant: string | undefined
  readonly user: string | undefined
  readonly type: string | undefined
  readonly out: string
  readonly file: string | undefined
}

/** Fixed before the first event is read. */
export interface Fixed {
  /** Of the stream, epoch milliseconds: a stream made anew counts from 1 again. */
  readonly createdAtMs: number
  readonly first: number
  readonly last: number
}

export interface Counts {
  readonly events: number
  readonly undecodable: number
}

export interface Identity extends Counts {
  readonly log: string
  readonly stream: StreamName
  readonly created: string
  readonly first: number
  readonly last: number
  readonly filter: { readonly tenant?: string; readonly user?: string; readonly type?: string }
  /** Numbers of the range without an event, because it was deleted; with a filter nobody knows. */
  readonly holes: number | null
  readonly digest: string
}

export const identityOf = (
  log: string,
  { stream, tenant, user, type }: Asked,
  { createdAtMs, first, last }: Fixed,
  counts: Counts,
  digest: string,
): Identity => {
  const filter = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(user === undefined ? {} : { user }),
    ...(type === undefined ? {} : { type }),
  }
  const isFiltered = Object.keys(filter).length > 0
  return {
    log,
    stream,
    created: new Date(createdAtMs).toISOString(),
    first,
    last,
    filter,
    events: counts.events,
    undecodable: counts.undecodable,
    holes: isFiltered ? null : Math.max(0, last - first + 1) - counts.events,
    digest,
  }
}

/** For the person who waited. */
export const summaryOf = (identity: Identity): ReadonlyArray<string> => {
  const { log, stream, created, first, last, filter, events, undecodable, holes, digest } = identity
  const range = last < first ? "an empty range" : `${first} to ${last}`
  const conditions = Object.entries(filter).map(([name, value]) => `${name} ${value}`).join(", ")
  const notes = [
    ...(conditions === "" ? [] : [`of ${conditions}`]),
    ...(holes === null || holes === 0 ? [] : [`${holes} deleted`]),
    ...(undecodable === 0 ? [] : [`${undecodable} not readable`]),
  ]
  return [
    `replayed ${events} events of ${stream}, ${range}${notes.length === 0 ? "" : `; ${notes.join("; ")}`}`,
    `  from the ${log} log, stream made ${created}`,
    `  digest ${digest}`,
  ]
}
