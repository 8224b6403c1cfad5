/** A fresh database with our tables, as the client the store's adapters want. */
import { Effect, Layer } from "effect"
import { migrate } from "../../src/store/migrate.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import { database } from "./postgres.ts"

export const layer = Layer.unwrap(Effect.map(database, (url) => {
  const client = PostgresClient.layer({ url, poolMax: 8, applicationName: "tipstream test" })
  return Layer.effectDiscard(migrate).pipe(Layer.provideMerge(client))
}))
