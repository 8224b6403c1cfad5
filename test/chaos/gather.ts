/** The history of a run, put together from where nothing lies: the database, the stream itself, the journals. */
import type { History, HistoryRecord } from "../history/history.ts"
import { lanesOf, messagesOf } from "./brokerView.ts"
import { readJournal } from "./replica/journal.ts"
import type { JournalLine } from "./replica/journal.ts"
import type { World } from "./World.ts"

export const eventStream = "SIGNALS"

/** Of every replica, each life of it. */
export const journalOf = ({ replicas }: World): ReadonlyArray<JournalLine> =>
  [...new Set(replicas.map(({ historyFile }) => historyFile))].flatMap(readJournal)

type Timed = HistoryRecord & { readonly time: number }

export const gather = async (world: World): Promise<History> => {
  const appended = await appendedOf(world)
  // Journals first: of a run that is not over, a settled message must not miss the effect that was made before.
  const during = [...journalOf(world).flatMap(recordOf), ...await lettersOf(world), ...await effectsOf(world)]
  const stored = await messagesOf(world.broker.url, eventStream)
  const lanes = await lanesOf(world.broker.url, eventStream)
  return [
    ...appended,
    ...world.faults,
    ...during.toSorted((a, b) => a.time - b.time),
    ...stored.map(({ sequence, messageId }): HistoryRecord => ({
      kind: "stored",
      stream: eventStream,
      sequence,
      messageId,
    })),
    ...[...Map.groupBy(lanes, ({ durable }) => durable)].map(([durable, of]): HistoryRecord => ({
      kind: "remaining",
      durable,
      messages: of.reduce((sum, { remaining }) => sum + remaining, 0),
    })),
  ]
}

/** What the writers say was committed; the order of commits is the one the outbox remembers. */
const appendedOf = async ({ sql, productions }: World): Promise<ReadonlyArray<HistoryRecord>> => {
  const rows = await sql<Array<{ readonly event_id: string }>>`
    SELECT event_id FROM outbox ORDER BY transaction_id, position`
  const places = new Map(rows.map(({ event_id }, index) => [event_id, index + 1]))
  return productions.flatMap(({ committed }) =>
    committed.map(({ eventId, author }): HistoryRecord => ({
      kind: "appended",
      eventId,
      stream: eventStream,
      tenantId: author.tenant,
      userId: author.user,
      committed: places.get(eventId) ?? Infinity,
    }))
  )
}

/** Numbered in the transaction that made them, so in the order of a lane whatever the clock says. */
const effectsOf = async ({ sql }: World): Promise<ReadonlyArray<Timed>> => {
  const rows = await sql<
    Array<{
      readonly durable: string
      readonly event_id: string
      readonly tenant_id: string
      readonly user_id: string
      readonly replica: string
      readonly at_ms: number
    }>
  >`SELECT durable, event_id, tenant_id, user_id, replica, extract(epoch FROM at)::float8 * 1000 AS at_ms
    FROM chaos_effects ORDER BY at_order`
  let time = 0
  return rows.map((row) => ({
    kind: "effect",
    durable: row.durable,
    eventId: row.event_id,
    tenantId: row.tenant_id,
    userId: row.user_id,
    replica: row.replica,
    time: time = Math.max(time, row.at_ms),
  }))
}

const lettersOf = async ({ sql }: World): Promise<ReadonlyArray<Timed>> => {
  const rows = await sql<
    Array<{
      readonly durable: string
      readonly stream: string
      readonly sequence: number
      readonly message_id: string
      readonly died_at_ms: number
    }>
  >`SELECT durable, stream, sequence, message_id, died_at_ms FROM dead_letters ORDER BY id`
  return rows.map(({ durable, stream, sequence, message_id: messageId, died_at_ms: time }) => ({
    kind: "deadLetter",
    durable,
    stream,
    sequence,
    messageId,
    time,
  }))
}

const recordOf = (line: JournalLine): ReadonlyArray<Timed> => {
  switch (line.kind) {
    case "delivered": {
      const { kind, durable, replica, stream, sequence, messageId, deliveryCount, at: time } = line
      return [{ kind, durable, replica, stream, sequence, messageId, deliveryCount, time }]
    }
    case "settled": {
      const { kind, durable, stream, sequence, messageId, at } = line
      // The clock cuts off a part of a millisecond, in which the effect may have been made.
      return [{ kind, durable, stream, sequence, messageId, time: at + 1 }]
    }
    case "published": {
      const { kind, stream, sequence, messageId, at: time } = line
      return [{ kind, stream, sequence, messageId, time }]
    }
    default:
      return []
  }
}
