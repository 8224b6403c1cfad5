/** Statements of a node to the simulated database. */
import { Exit } from "effect"
import type { Effect } from "effect"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Database } from "./Database.ts"
import type { Node } from "./World.ts"

/** In trouble it fails, before it did anything or after it did all. */
export const ask = <A, E = never>(
  database: Database,
  node: Node,
  operation: string,
  serve: (answer: (exit: Exit.Exit<A, E | StoreUnavailable>) => void) => void,
): Effect.Effect<A, E | StoreUnavailable> =>
  database.world.ask<A, E | StoreUnavailable>(node, (answer) => {
    if (!database.isTroubled) return serve(answer)
    const failed = Exit.fail(new StoreUnavailable({ operation, cause: "the connection was lost" }))
    if (database.world.seed.chance(0.5)) return answer(failed)
    serve(() => answer(failed))
  })

export const look = <A>(database: Database, node: Node, operation: string, question: () => A) =>
  ask<A>(database, node, operation, (answer) => answer(Exit.succeed(question())))
