/**
 * This process as one node of a cluster: it listens for the others, takes its share of the shards, and looks after
 * the others' health.
 *
 * The nodes talk without encryption and believe each other: their port belongs into a private network.
 */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import { Effect, Layer, Option } from "effect"
import { RunnerAddress, RunnerHealth, Runners, ShardingConfig, SocketRunner } from "effect/cluster"
import { RpcSerialization } from "effect/rpc"
import * as ClusterStorage from "../store/ClusterStorage.ts"
import { CannotStart } from "./problem.ts"

export interface ClusterOptions {
  /** Where the other nodes reach this one. */
  readonly host: string
  readonly port: number
  /** Where it listens, if that is not `host`. */
  readonly listenHost?: string
  /**
   * How long a node may be silent before others take its shards. It is also how long a paused one may go on unnoticed
   * by them. At least three refreshes.
   */
  readonly lockExpiryMs: number
  readonly lockRefreshMs: number
  /** How often one node asks all others whether they are there. */
  readonly healthCheckMs: number
}

/**
 * Shards of the whole cluster, and so the most nodes that can share the work. Nodes that disagree on it would put one
 * user in two places: change it only while all are stopped.
 */
const shards = 128

/** Beyond it a node is asked again, and after that counted out. A healthy one answers within milliseconds. */
const pingMaxMs = 1_000
const pingsMore = 2

export const layer = (options: ClusterOptions) =>
  SocketRunner.layer.pipe(
    Layer.provide([listener(options), health]),
    Layer.provide(NodeClusterSocket.layerClientProtocol),
    Layer.provide(ClusterStorage.layer),
    Layer.provideMerge(ShardingConfig.layer(settings(options))),
    // Readable by a node of another version, unlike the binary form, which is laid out by the schemas.
    Layer.provide(RpcSerialization.layerNdjson),
  )

/** Other nodes could not reach this one. */
const listener = ({ host, listenHost, port }: ClusterOptions) =>
  NodeClusterSocket.layerSocketServer.pipe(
    Layer.catchTag("SocketServerError", ({ reason }) => {
      const { code = "unknown" } = (reason.cause ?? {}) as { code?: string }
      return Layer.effectContext(
        Effect.fail(new CannotStart({ lines: [cannotListen(listenHost ?? host, port, code)] })),
      )
    }),
  )

const cannotListen = (host: string, port: number, code: string): string => {
  const where = `${host}:${port}`
  if (code === "EADDRINUSE") {
    return `port ${port} is in use, where the other nodes would reach this one: stop what listens on ${where}, or ` +
      "set CLUSTER_PORT to another"
  }
  if (code === "EACCES") {
    return `no permission to listen on ${where} for other nodes: set CLUSTER_PORT to one above 1023`
  }
  return `cannot listen on ${where} for other nodes (${code}): check CLUSTER_HOST and CLUSTER_PORT`
}

const settings = ({ host, listenHost, port, ...times }: ClusterOptions) => ({
  runnerAddress: Option.some(RunnerAddress.make(host, port)),
  runnerListenAddress: Option.some(RunnerAddress.make(listenHost ?? host, port)),
  shardsPerGroup: shards,
  shardLockExpiration: times.lockExpiryMs,
  shardLockRefreshInterval: times.lockRefreshMs,
  runnerHealthCheckInterval: times.healthCheckMs,
  // One small read per node; until it, messages for a lost node are tried there again.
  refreshAssignmentsInterval: 1_000,
  // After a failure of the database: how long until shards are taken again.
  entityMessagePollInterval: 2_000,
  // What is resident is a shard. Its engine bounds the actors.
  maxResidentEntities: "unbounded" as const,
  // Messages that stay here stay objects.
  simulateRemoteSerialization: false,
})

/** The one that comes with `effect/cluster` waits six times ten seconds for a node that does not answer. */
const health = Layer.effect(
  RunnerHealth.RunnerHealth,
  Effect.map(Runners.Runners, (runners) =>
    RunnerHealth.RunnerHealth.of({
      isAlive: (address) =>
        runners.ping(address).pipe(Effect.timeout(pingMaxMs), Effect.retry({ times: pingsMore }), Effect.isSuccess),
    })),
).pipe(Layer.provide(Runners.layerRpc))
