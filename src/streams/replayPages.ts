/** Replay for a log that is read by pages: the embedded one and the one in memory. */
import { Effect, Stream } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { ReplayGap } from "./EventLog.ts"
import type { ReplayRange, StoredEvent } from "./EventLog.ts"
import { parseSubject } from "./names.ts"

/** Some hundred kilobytes: few round trips, and memory stays flat. */
const pageSize = 1_000

/**
 * Such a log has no holes, so a number that is missing is an event that is gone, or one that never was: a caller takes
 * the end of the range from what the log says of itself.
 */
export const replayPages = (
  range: ReplayRange,
  read: (
    stream: ReplayRange["stream"],
    afterSequence: number,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<StoredEvent>, StoreUnavailable>,
): Stream.Stream<ReadonlyArray<StoredEvent>, StoreUnavailable | ReplayGap> =>
  Stream.unfold(
    range.fromSequence,
    Effect.fnUntraced(function* (next) {
      if (next > range.toSequence) return undefined
      const page = yield* read(range.stream, next - 1, Math.min(pageSize, range.toSequence - next + 1))
      for (const [index, event] of page.entries()) {
        if (event.sequence !== next + index) return yield* gone(range, next + index)
      }
      if (page.length === 0) return yield* gone(range, next)
      return [page.filter((event) => isWanted(range, event)), next + page.length] as const
    }),
  ).pipe(Stream.filter((events) => events.length > 0))

const gone = ({ stream }: ReplayRange, sequence: number) =>
  new ReplayGap({ stream, problem: `event ${sequence} is not there` })

/** Without a filter every event of the range is wanted, so that one that is missing is missed. */
export const isFiltered = ({ tenantId, userId, type }: ReplayRange): boolean =>
  tenantId !== undefined || userId !== undefined || type !== undefined

/** What a subject does not tell cannot be asked for. */
const isWanted = (range: ReplayRange, { subject }: StoredEvent): boolean => {
  if (!isFiltered(range)) return true
  const { tenantId, userId, type } = range
  const parts = parseSubject(subject)
  if (parts === undefined) return false
  return (tenantId === undefined || parts.tenantId === tenantId) &&
    (userId === undefined || parts.userId === userId) &&
    (type === undefined || type === `${parts.eventClass}.${parts.entity}.${parts.event}`)
}
