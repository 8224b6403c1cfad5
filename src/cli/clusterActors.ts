/**
 * The actors as one node of a cluster. Loaded only where it is asked for: `effect/cluster` reads the whole environment
 * when it is loaded, which Deno permits only then (bin/tipstream), and takes a tenth of a second.
 */
import { Layer } from "effect"
import * as ClusterActors from "../actors/ClusterActors.ts"
import type { UserActorsOptions } from "../actors/userActors.ts"
import * as ClusterRuntime from "./ClusterRuntime.ts"

/** A node that is silent for `lockExpiryMs` is not there any more. */
const times = { lockExpiryMs: 15_000, lockRefreshMs: 3_000, healthCheckMs: 5_000 }

export const layer = (options: UserActorsOptions, node: { readonly host: string; readonly port: number }) =>
  ClusterActors.layer(options).pipe(Layer.provide(ClusterRuntime.layer({ ...node, ...times })))
