/** The outbox for the relay of one node, statement by statement as the one in SQL. */
import { OutboxRows } from "../../src/streams/OutboxRows.ts"
import type { StreamName } from "../../src/streams/names.ts"
import type { Database, Row } from "./Database.ts"
import { look } from "./statements.ts"
import type { Node } from "./World.ts"

/** As long as the real one. */
const leadMs = 5_000

export const outboxRowsOf = (database: Database, node: Node) => {
  const { world, lead } = database
  const markOf = (stream: StreamName) => database.marks.get(stream)!
  const rowsOf = (stream: StreamName) => database.rows.filter((row) => row.stream === stream)
  const reach = (stream: StreamName, until: number) => {
    const mark = markOf(stream)
    mark.publishedUntil = Math.max(mark.publishedUntil, until)
    mark.lastSequence = Math.max(mark.lastSequence, until)
  }
  const isWaiting = (row: Row) => row.sequence === undefined || row.sequence > markOf(row.stream).publishedUntil
  /** Numbers that waited for themselves are given up for the next free ones; each row keeps its place. */
  const moveBehind = (stream: StreamName, until: number) => {
    const mark = markOf(stream)
    let last = until
    const waiting = rowsOf(stream).filter(({ sequence, isPublished }) => sequence !== undefined && !isPublished)
    for (const row of waiting.sort((a, b) => a.sequence! - b.sequence!)) {
      row.sequence = last = Math.max(last + 1, row.sequence!)
    }
    mark.lastSequence = Math.max(mark.lastSequence, last)
  }
  return OutboxRows.of({
    carriedByBroker: look(database, node, "carriedByBroker", () => undefined),
    lead: look(database, node, "lead", () => {
      if (lead.holder !== undefined && lead.holder !== node.name && lead.untilMs >= world.nowMs) return false
      Object.assign(lead, { holder: node.name, untilMs: world.nowMs + leadMs })
      return true
    }),
    resign: look(database, node, "resign", () => {
      if (lead.holder === node.name) lead.holder = undefined
    }),
    mark: (stream) => look(database, node, "mark", () => ({ ...markOf(stream) })),
    waiting: (stream, bounds) =>
      look(database, node, "waiting", () => {
        const waiting = database.inOrder(rowsOf(stream).filter(isWaiting))
        const numbered = waiting.filter(({ sequence }) => sequence !== undefined)
          .sort((a, b) => a.sequence! - b.sequence!)
        const rows = [...numbered, ...waiting.filter(({ sequence }) => sequence === undefined)]
          .slice(0, bounds.rows).map((row) => ({ ...row }))
        return { rows, isHeldBack: rows.length === 0 && rowsOf(stream).some(({ sequence }) => sequence === undefined) }
      }),
    published: (stream, acknowledged, until) =>
      look(database, node, "published", () => {
        reach(stream, until)
        for (const { position, sequence } of acknowledged) {
          const row = database.rows.find((one) => one.position === position)
          if (row !== undefined) Object.assign(row, { sequence, isPublished: true })
        }
      }),
    found: (stream, messages, until) =>
      look(database, node, "found", () => {
        const before = markOf(stream).publishedUntil
        const rows = rowsOf(stream)
        const sequenceOf = new Map(messages.map(({ eventId, sequence }) => [eventId, sequence]))
        const here = rows.filter(({ eventId }) => sequenceOf.has(eventId))
        for (const row of here) {
          row.isPublished = true
          if (row.sequence !== sequenceOf.get(row.eventId)) row.sequence = undefined
        }
        const taken = new Map(messages.map(({ eventId, sequence }) => [sequence, eventId]))
        for (const row of rows) {
          const by = taken.get(row.sequence ?? 0)
          if (by !== undefined && by !== row.eventId) row.isPublished = false
        }
        const from = Math.min(before, (messages[0]?.sequence ?? until + 1) - 1)
        const to = Math.max(until, messages.at(-1)?.sequence ?? 0)
        const isOvertaken = ({ sequence = 0, isPublished }: Row) => sequence > from && sequence <= to && !isPublished
        if (rows.some(isOvertaken)) moveBehind(stream, Math.max(before, until))
        for (const row of here) Object.assign(row, { sequence: sequenceOf.get(row.eventId), isPublished: true })
        reach(stream, until)
        return here.length
      }),
    numbered: (stream, fromSequence, toSequence) =>
      look(
        database,
        node,
        "numbered",
        () =>
          rowsOf(stream).flatMap(({ eventId, sequence = 0 }) =>
            sequence >= fromSequence && sequence <= toSequence ? [{ eventId, sequence }] : []
          ),
      ),
    lost: (stream, lastSequence) =>
      look(database, node, "lost", () => {
        const mark = markOf(stream)
        const until = mark.publishedUntil
        if (until <= lastSequence) return { rows: 0, missing: 0 }
        const behind = rowsOf(stream).filter(({ sequence = 0 }) => sequence > lastSequence && sequence <= until)
        for (const row of behind) row.isPublished = false
        mark.publishedUntil = lastSequence
        return { rows: behind.length, missing: until - lastSequence - behind.length }
      }),
    discard: (position) =>
      look(database, node, "discard", () => {
        const at = database.rows.findIndex((row) => row.position === position)
        if (at >= 0) database.rows.splice(at, 1)
      }),
    backlog: look(database, node, "backlog", () => {
      const waiting = database.rows.filter(isWaiting)
      const oldestAtMs = waiting.length === 0 ? null : Math.min(...waiting.map(({ appendedAtMs }) => appendedAtMs))
      return { rows: waiting.length, oldestAtMs }
    }),
  })
}
