/**
 * What the nodes of a cluster agree on: who is there, and who holds which shard.
 *
 * The tables are made by `effect/cluster` itself at the first start, and are no part of our migrations:
 * `tip_cluster_runners`, `tip_cluster_locks` (empty here) and `tip_cluster_runner_migrations`. A shard is held by an
 * advisory lock on one connection that each node keeps for itself; Postgres ends that session, and frees the shards,
 * once it was idle for as long as a lock lives.
 *
 * Messages are not stored: what must survive is a row that the actors read.
 */
import { Layer } from "effect"
import { MessageStorage, SqlRunnerStorage } from "effect/cluster"

export const layer = Layer.merge(SqlRunnerStorage.layerWith({ prefix: "tip_cluster" }), MessageStorage.layerNoop)
