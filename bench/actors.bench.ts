/**
 * Sync actors at scale, in three parts: `--part engines` is heap, asks, spawning and passivation of the actor engines
 * beside bare promises; `--part designs` the naive ways to sync many users beside the due queue and its actors;
 * `--part node` one started service that keeps 100,000 users in sync, and first what it can do at most.
 *
 * Figures of a service are with real Postgres (fsync on) and the simulator on the same machine. Options:
 * `--part <name>`, may be given several times; `--scale <number>`: so many times faster than users who come round in
 * 15 minutes (111 syncs/s of 100,000); `--minutes <number>`: of those users' time; `--long`: 30 of them, twice as fast
 * unless `--scale` says otherwise; `--users <number>`; `--items <number>` of tasks each; `--first`: nobody's account
 * was read before.
 */
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { compareDesigns } from "./actors/compareDesigns.ts"
import { compareEngines } from "./actors/compareEngines.ts"
import { oneNode } from "./actors/oneNode.ts"

const { values: options } = parseArgs({
  options: {
    part: { type: "string", multiple: true, default: ["engines", "designs", "node"] },
    long: { type: "boolean", default: false },
    minutes: { type: "string" },
    scale: { type: "string" },
    users: { type: "string", default: "100000" },
    items: { type: "string", default: "10" },
    first: { type: "boolean", default: false },
  },
})

const realIntervalMs = 15 * 60_000
const scale = Number(options.scale ?? (options.long ? 2 : 1))
const minutes = Number(options.minutes ?? (options.long ? 30 : 0.75))
const crowd = { users: Number(options.users), itemsPerUser: Number(options.items), firstReads: options.first }

/** More than can be synced meanwhile, so that the queue is never empty. */
const backlog = { ...crowd, users: 20_000, intervalMs: 0, runMs: 12_000, scale: 1 }

const node = Effect.gen(function* () {
  if (!options.long) yield* oneNode(backlog)
  yield* Console.log("")
  yield* oneNode({ ...crowd, intervalMs: realIntervalMs / scale, runMs: minutes * 60_000 / scale, scale })
})

const parts: Readonly<Record<string, Effect.Effect<void>>> = {
  engines: compareEngines,
  designs: Effect.orDie(compareDesigns),
  node: Effect.orDie(node),
}

const chosen = options.part.map((name) => {
  const part = parts[name]
  if (part === undefined) throw new Error(`no part ${name}; there are: ${Object.keys(parts).join(", ")}`)
  return part
})

NodeRuntime.runMain(Effect.forEach(chosen, (part) => Effect.andThen(part, Console.log("")), { discard: true }))
