/**
 * What one scenario has to itself: a database, a broker, replicas, producers; all gone when it is over.
 */
import { Effect, Redacted } from "effect"
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import postgres from "postgres"
import { migrate } from "../../src/store/migrate.ts"
import * as PostgresClient from "../../src/store/PostgresClient.ts"
import { partitionOf, streamNames } from "../../src/streams/names.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { createDatabase } from "../support/postgres.ts"
import { startNats } from "../support/nats.ts"
import type { Author, Kind } from "./events.ts"
import type { HistoryRecord } from "../history/history.ts"
import type { ProducerOptions, Production } from "./producers.ts"
import { produce } from "./producers.ts"
import type { ReplicaOptions } from "./replica/options.ts"
import type { Room } from "./room.ts"
import type { Replica } from "./replicaProcess.ts"
import { worldDefaults } from "./worldDefaults.ts"
import { spawnReplica } from "./replicaProcess.ts"
import { seeded } from "../../simulator/random.ts"

export interface Machine {
  /** Path of the nats-server. */
  readonly natsProgram: string
  /** Of a role that may create databases. */
  readonly postgresUrl: string
}

export interface WorldOptions extends Machine {
  readonly seed: string
  readonly partitions?: number
  readonly attemptsMax?: number
  /** Lines added to the broker's configuration. */
  readonly natsConfig?: string
  /** The broker's store lies there. */
  readonly room?: (folder: string) => Promise<Room>
}

type Fault = Extract<HistoryRecord, { kind: "fault" }>

export type World = Awaited<ReturnType<typeof makeWorld>>

export const makeWorld = async (options: WorldOptions) => {
  const cleanups: Array<() => Promise<unknown> | void> = []
  const end = async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup()
  }
  try {
    return { ...await furnish(options, (cleanup) => void cleanups.push(cleanup)), end }
  } catch (cause) {
    await end()
    throw cause
  }
}

/** `onEnd` is undone last first. */
const furnish = async (options: WorldOptions, onEnd: (cleanup: () => Promise<unknown> | void) => void) => {
  const { attemptsMax = worldDefaults.attemptsMax, natsConfig = "", partitions = worldDefaults.partitions } = options
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "tipstream-chaos-"))
  onEnd(() => fs.rm(folder, { recursive: true, force: true }))
  const database = await createDatabase(options.postgresUrl)
  onEnd(database.drop)
  const sql = postgres(database.url, { max: 3, onnotice: () => {}, types: numbers })
  onEnd(() => sql.end({ timeout: 5 }))
  await prepare(sql, database.url, partitions)
  const room = await options.room?.(folder)
  if (room !== undefined) onEnd(room.remove)
  const broker = await startNats({
    program: options.natsProgram,
    config: `${natsConfig}\n${room?.config ?? ""}`,
    ...(room === undefined ? {} : { storeDir: room.storeDir }),
  })
  onEnd(broker.remove)

  const replicas: Array<Replica> = []
  onEnd(async () => {
    for (const replica of replicas) replica.signal("SIGKILL")
    await Promise.all(replicas.map(({ ended }) => ended))
  })
  const productions: Array<Production> = []
  onEnd(() => Promise.allSettled(productions.map(({ stop }) => stop())))
  const faults: Array<Fault> = []
  const startedAt = performance.now()

  const replica = (name: string, more: Partial<ReplicaOptions> = {}): Replica => {
    const started = spawnReplica({
      ...worldDefaults,
      name,
      partitions,
      attemptsMax,
      databaseUrl: database.url,
      natsUrl: broker.url,
      historyFile: path.join(folder, `${name}.ndjson`),
      slowMs: 0,
      faults: [],
      ...more,
    })
    replicas.push(started)
    return started
  }

  return {
    random: seeded(options.seed),
    partitions,
    attemptsMax,
    broker,
    databaseUrl: database.url,
    room,
    sql,
    folder,
    replicas: replicas as ReadonlyArray<Replica>,
    productions: productions as ReadonlyArray<Production>,
    faults: faults as ReadonlyArray<Fault>,
    onEnd,
    replica,
    /** Starts some and waits until they work. */
    startReplicas: async (count: number, more: Partial<ReplicaOptions> = {}) => {
      const started = Array.from({ length: count }, (_, index) => replica(`r${index + 1}`, more))
      await Promise.all(started.map(({ ready }) => ready))
      return started
    },
    produce: (more: Partial<ProducerOptions> & { readonly events: number }): Production => {
      const target = { databaseUrl: database.url, partitions, seed: `${options.seed}/${productions.length}` }
      const production = produce(target, { ...producerDefaults, ...more })
      productions.push(production)
      return production
    },
    fault: (name: string) => void faults.push({ kind: "fault", name, at: Math.round(performance.now() - startedAt) }),
  }
}

const numbers = { bigint: { to: 20, from: [20], serialize: (value: number) => String(value), parse: Number } }

const prepare = async (sql: postgres.Sql<{ bigint: number }>, url: string, partitions: number) => {
  const client = PostgresClient.layer({ url: Redacted.make(url), poolMax: 2, applicationName: "chaos" })
  await Effect.runPromise(Effect.provide(migrate, client))
  await sql`
    CREATE TABLE chaos_effects (
      at_order bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      durable text NOT NULL,
      event_id text NOT NULL,
      tenant_id text NOT NULL,
      user_id text NOT NULL,
      sequence bigint NOT NULL,
      replica text NOT NULL,
      at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`
  await sql`CREATE INDEX chaos_effects_event ON chaos_effects (event_id)`
  for (const stream of streamNames) {
    await sql`INSERT INTO streams (stream, partitions, created_at_ms) VALUES (${stream}, ${partitions}, ${Date.now()})
      ON CONFLICT DO NOTHING`
  }
}

const authorsOf = (tenants: number, users: number): ReadonlyArray<Author> =>
  Array.from(
    { length: tenants * users },
    (_, n) => ({ tenant: `t${n % tenants}`, user: `u${Math.floor(n / tenants)}` }),
  )

const allPlain = (): Kind => "plain"

const producerDefaults: Omit<ProducerOptions, "events"> = {
  writers: 6,
  authors: authorsOf(3, 8),
  pauseMaxMs: 20,
  kindOf: allPlain,
}

export const laneOf = ({ tenant, user }: Author, partitions: number): number =>
  partitionOf({ tenantId: TenantId.make(tenant), userId: UserId.make(user) }, partitions)
