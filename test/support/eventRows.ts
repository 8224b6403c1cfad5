/** Reads the event log straight from its table, behind the back of the service. */
import { fromBinary } from "@bufbuild/protobuf"
import type postgres from "postgres"
import type { TipServed } from "../../schemas/gen/tipstream/events/v1/decisions_pb.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import type { StreamName } from "../../src/streams/names.ts"
import { eventually } from "./eventually.ts"

export interface LoggedEvent {
  readonly sequence: number
  readonly envelope: Envelope
}

/** In log order, once all that was committed has its number. */
export const eventsOf = async (sql: postgres.Sql, stream: StreamName): Promise<ReadonlyArray<LoggedEvent>> => {
  await eventually(`all of ${stream} is numbered`, async () => {
    const waiting = await sql`SELECT 1 FROM outbox WHERE stream = ${stream} AND sequence IS NULL LIMIT 1`
    return waiting.length === 0 ? true : undefined
  })
  const rows = await sql<Array<{ readonly sequence: string; readonly payload: Uint8Array }>>`
    SELECT sequence, payload FROM outbox WHERE stream = ${stream} ORDER BY sequence`
  return rows.map(({ sequence, payload }) => ({
    sequence: Number(sequence),
    envelope: fromBinary(EnvelopeSchema, payload),
  }))
}

/** The record of the decision behind a tip. */
export const servedEvent = async (sql: postgres.Sql, tipId: string): Promise<TipServed> => {
  const [row] = await sql<Array<{ readonly payload: Uint8Array }>>`
    SELECT payload FROM outbox WHERE event_id = ${tipId}`
  if (row === undefined) throw new Error(`no event of decision ${tipId}`)
  const { payload } = fromBinary(EnvelopeSchema, row.payload)
  if (payload.case !== "tipServed") throw new Error(`the event of ${tipId} is ${payload.case}`)
  return payload.value
}

/** Once the learner has read all feedback there is: its position. */
export const learned = (sql: postgres.Sql): Promise<number> =>
  eventually("the learner has read all feedback", async () => {
    const events = await eventsOf(sql, "FEEDBACK")
    const [state] = await sql<Array<{ readonly position: string }>>`SELECT position FROM policy_states`
    const end = events.at(-1)?.sequence ?? 0
    return Number(state?.position ?? 0) === end ? end : undefined
  })
