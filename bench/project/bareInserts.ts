/**
 * The rows a batch leaves behind, projection and inbox, in one transaction by bare postgres.js: nothing is consumed,
 * decoded or guarded. As many batches at once as there are partitions.
 */
import postgres from "postgres"
import { fromBinary } from "@bufbuild/protobuf"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { event } from "../consume/backlog.ts"
import { batchMax, partitions } from "../consume/contenders.ts"
import { type Plan, poolMax } from "./contenders.ts"
import { type ProjectedRow, upsert } from "./projection.ts"
import { rowOf } from "./tipstream.ts"

export async function insertBare(plan: Plan, handled: (messages: number) => void): Promise<void> {
  const sql = postgres(plan.databaseUrl, { max: poolMax, onnotice: () => {} })
  const rows = Array.from({ length: plan.messages }, (_, index): ProjectedRow => {
    const envelope = fromBinary(EnvelopeSchema, event(index, plan.payloadBytes).payload)
    return rowOf({ envelope, sequence: index + 1 })
  })
  let next = 0
  const worker = async () => {
    while (next < rows.length) {
      const batch = rows.slice(next, next += batchMax)
      await sql.begin(async (transaction) => {
        await transaction.unsafe(inbox, [JSON.stringify(batch.map((row) => row.event_id)), plan.run], { prepare: true })
        await transaction.unsafe(upsert, [JSON.stringify(batch)], { prepare: true })
      })
      handled(batch.length)
    }
  }
  await Promise.all(Array.from({ length: partitions }, worker))
  await sql.end()
}

const inbox = `
  INSERT INTO inbox (durable, event_id, handled_at_ms)
  SELECT $2, event_id, 0 FROM jsonb_array_elements_text($1::text::jsonb) AS event_id
  ON CONFLICT DO NOTHING`
