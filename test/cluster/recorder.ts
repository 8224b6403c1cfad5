/**
 * The actor the cluster is tested with: it writes each request down, once per user and request, fenced by an epoch
 * that it takes when it is loaded. The rows say afterwards what really happened, whatever the nodes said.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

export const tables = `
  CREATE TABLE owners (user_id text PRIMARY KEY, epoch int NOT NULL);
  CREATE TABLE effects (
    seq bigserial, user_id text, request text, epoch int NOT NULL, node text NOT NULL, PRIMARY KEY (user_id, request)
  );
  CREATE TABLE begun (user_id text, request text, node text)`

/** `workMs` passes between reading the message and writing. */
export const Request = Schema.Struct({ request: Schema.String, workMs: Schema.Int })

export const Recorded = Schema.Struct({ node: Schema.String, epoch: Schema.Int, isNew: Schema.Boolean })

/** Another instance of this actor was loaded since. Nothing was written. */
export class Superseded extends Schema.TaggedError<Superseded>()("Superseded", { epoch: Schema.Int }) {}

export const behaviour = (node: string) =>
  Effect.fnUntraced(function* (userId: string) {
    const sql = yield* SqlClient.SqlClient
    const [owner] = yield* sql<{ epoch: number }>`
      INSERT INTO owners (user_id, epoch) VALUES (${userId}, 1)
      ON CONFLICT (user_id) DO UPDATE SET epoch = owners.epoch + 1 RETURNING epoch`.pipe(Effect.orDie)
    const epoch = owner?.epoch ?? 0

    const record = Effect.fnUntraced(function* (request: string) {
      const [current] = yield* sql<{ epoch: number }>`SELECT epoch FROM owners WHERE user_id = ${userId} FOR UPDATE`
      if (current?.epoch !== epoch) return yield* new Superseded({ epoch })
      const rows = yield* sql`
        INSERT INTO effects (user_id, request, epoch, node) VALUES (${userId}, ${request}, ${epoch}, ${node})
        ON CONFLICT DO NOTHING RETURNING seq`
      return { node, epoch, isNew: rows.length > 0 }
    }, sql.withTransaction)

    return ({ request, workMs }: typeof Request.Type) =>
      sql`INSERT INTO begun VALUES (${userId}, ${request}, ${node})`.pipe(
        Effect.andThen(Effect.sleep(workMs)),
        Effect.andThen(record(request)),
        Effect.catchTag("SqlError", Effect.die),
      )
  })
