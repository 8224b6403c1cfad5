/**
 * A whole run: a plan, the system it happens to, and what the history says of it.
 *
 * The code under it is production's: relay, lanes and consumers. Broker, database and network are simulated, and the
 * clock is the world's.
 */
import { Effect } from "effect"
import { accountOpened } from "../../schemas/events.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { streamContracts } from "../../src/streams/contracts.ts"
import type { ReceivedEvent } from "../../src/streams/Consumer.ts"
import { seal } from "../../src/streams/envelope.ts"
import { headers as names, streamNames } from "../../src/streams/names.ts"
import { checkHistory } from "../history/checkHistory.ts"
import type { Expectations, Verdict } from "../history/checkHistory.ts"
import type { History, HistoryRecord } from "../history/history.ts"
import { BrokerServer } from "./BrokerServer.ts"
import { Database } from "./Database.ts"
import { faultsOf } from "./faults.ts"
import { lanes, settings } from "./lanes.ts"
import { redriveAll } from "./operator.ts"
import { activeMs } from "./plan.ts"
import type { Behaviour, Plan, PlannedTransaction } from "./plan.ts"
import { attemptsMax, consumers, partitions, startReplica } from "./replica.ts"
import type { Replica, Spoiled } from "./replica.ts"
import { World } from "./World.ts"
import type { Node } from "./World.ts"

export interface Outcome {
  readonly verdict: Verdict
  readonly history: History
  /** Virtual time until it came to rest, in milliseconds since the start; undefined when it never did. */
  readonly restedAtMs: number | undefined
  /** What ended a part of the service that should run for ever. */
  readonly defects: ReadonlyArray<unknown>
}

/** A run that is not at rest by then never will be. */
const restWithinMs = 5 * 60_000

/** How often it is looked whether there is anything left to do. */
const lookEveryMs = 250

export class Simulation {
  readonly world: World
  readonly server: BrokerServer
  readonly database: Database
  readonly replicas: Array<Replica> = []
  /** Faults, restarts and transactions that are not over. */
  underway = 0
  readonly plan: Plan
  private readonly spoiled: Spoiled
  private readonly history: Array<HistoryRecord> = []
  private readonly behaviours: ReadonlyMap<string, Behaviour>
  private readonly tries = new Map<string, number>()
  private readonly mended = new Set<string>()
  private lives = 0
  private deaths = 0
  private restedAtMs: number | undefined

  constructor(plan: Plan, spoiled: Spoiled) {
    this.plan = plan
    this.spoiled = spoiled
    this.world = new World(plan.seed)
    this.server = new BrokerServer(this.world, plan.looksAtNumberFirst)
    this.database = new Database(this.world, streamNames, (record) => this.record(record))
    this.behaviours = new Map(
      plan.transactions.flatMap(({ events }) => events.map(({ eventId, behaviour }) => [eventId, behaviour])),
    )
  }

  readonly record = (record: HistoryRecord) => {
    this.history.push(record)
  }

  run(): Outcome {
    this.provision()
    for (const transaction of this.plan.transactions) this.world.after(transaction.atMs, () => this.append(transaction))
    for (let index = 0; index < this.plan.replicas; index++) this.replicas.push(this.start(index))
    faultsOf(this)
    this.world.after(activeMs, () => this.look())
    this.world.run(this.world.startMs + restWithinMs, () => this.restedAtMs !== undefined)
    const history = [...this.history, ...this.ending()]
    const { defects } = this.world
    return { verdict: checkHistory(history, this.expectations()), history, restedAtMs: this.restedAtMs, defects }
  }

  /** Streams and durables as an operator makes them; what is there stays as it is. */
  provision(): void {
    if (this.server.status === "down") return void this.world.after(lookEveryMs, () => this.provision())
    for (const config of streamContracts(settings)) {
      if (this.server.streams.has(config.name)) continue
      this.server.addStream(this.spoiled.hasNoDuplicateWindow === true ? { ...config, duplicate_window: 0 } : config)
    }
    for (const { stream, config } of lanes) {
      if (this.server.durable(stream, config.durable_name) === undefined) this.server.addDurable(stream, config)
    }
  }

  start(index: number): Replica {
    const { world, server, database, spoiled } = this
    // Some platforms give a process its old name back, some do not.
    if (this.replicas[index] !== undefined) this.deaths++
    const name = world.seed.chance(0.5) ? `replica-${index}` : `replica-${index}-${++this.lives}`
    const handle = (node: Node, durable: string, event: ReceivedEvent) => this.handle(node, durable, event)
    return startReplica(name, { world, server, database, spoiled, handle, onEnd: (node) => this.crash(node) })
  }

  private handle(node: Node, durable: string, { envelope }: ReceivedEvent): Effect.Effect<void, Error> {
    const behaviour = this.behaviours.get(envelope.id) ?? { kind: "well" }
    const key = `${durable}/${envelope.id}`
    const tries = (this.tries.get(key) ?? 0) + 1
    this.tries.set(key, tries)
    const isMended = this.mended.has(envelope.id)
    if (behaviour.kind === "slow") return Effect.sleep(behaviour.ms)
    if (behaviour.kind === "poison" && !isMended) return Effect.fail(new Error("poison"))
    if (behaviour.kind === "flaky" && tries <= behaviour.failures) return Effect.fail(new Error("flaky"))
    // The learner's handler is another one, and takes it.
    if (behaviour.kind === "crash" && !isMended && durable === "tips") {
      return Effect.andThen(Effect.sync(() => this.crash(node)), Effect.never)
    }
    return Effect.void
  }

  /** The process dies, and whoever looks after processes starts it again. */
  private crash(node: Node) {
    const index = this.replicas.findIndex((replica) => replica.node === node)
    this.world.kill(node)
    if (index >= 0) this.restart(index, this.world.seed.int(50, 2_000))
  }

  restart(index: number, afterMs: number) {
    this.underway++
    this.world.after(afterMs, () => {
      this.underway--
      if (this.replicas[index]!.node.state === "dead") this.replicas[index] = this.start(index)
    })
  }

  private append({ openMs, isRolledBack, events }: PlannedTransaction) {
    const transaction = this.database.begin()
    this.underway++
    for (const { eventId, tenantId, userId } of events) {
      const owner = { tenantId: TenantId.make(tenantId), userId: UserId.make(userId) }
      const occurrence = { id: eventId, atMs: this.world.startMs, correlationId: "c", ...owner }
      const message = seal(accountOpened(occurrence, { issuer: "test" }), partitions)
      this.database.append(
        transaction,
        eventId,
        message,
        (committed) => this.record({ kind: "appended", eventId, stream: message.stream, tenantId, userId, committed }),
      )
    }
    this.world.after(openMs, () => {
      this.underway--
      if (isRolledBack) this.database.rollback(transaction)
      else this.database.commit(transaction)
    })
  }

  /** At rest when all is on the broker and settled; then the dead are sent again, once what killed them is mended. */
  private look() {
    const isAtRest = this.underway === 0 && this.server.status === "up" && this.isShipped() && this.isSettled()
    if (!isAtRest) return void this.world.after(lookEveryMs, () => this.look())
    for (const [eventId, { kind }] of this.behaviours) {
      if (kind === "poison" || kind === "crash") this.mended.add(eventId)
    }
    if (redriveAll(this.database, this.record) === 0) this.restedAtMs = this.world.nowMs - this.world.startMs
    else this.world.after(lookEveryMs, () => this.look())
  }

  private isShipped(): boolean {
    return this.database.rows.every(({ stream, sequence }) =>
      sequence !== undefined && sequence <= this.database.marks.get(stream)!.publishedUntil
    ) && [...this.database.marks.values()].every(({ stream, publishedUntil }) =>
      this.server.streams.get(stream)?.lastSequence === publishedUntil
    )
  }

  private remaining(): ReadonlyArray<{ readonly durable: string; readonly messages: number }> {
    return lanes.map(({ stream, config: { durable_name: durable } }) => {
      const info = this.server.durable(stream, durable)?.info()
      return { durable, messages: info === undefined ? Infinity : info.pending + info.ackPending }
    })
  }

  private isSettled(): boolean {
    return this.remaining().every(({ messages }) => messages === 0)
  }

  private ending(): History {
    const stored = consumers.flatMap(({ stream }) => this.server.streams.get(stream)?.from(1) ?? [])
    return [
      ...new Set(stored),
    ].map(({ sequence, headers }): HistoryRecord => (
      { kind: "stored", stream: "ACCOUNTS", sequence, messageId: headers[names.messageId] ?? "" }
    )).concat(this.remaining().map((one) => ({ kind: "remaining", ...one })))
  }

  private expectations(): Expectations {
    const has = (name: string) => this.plan.faults.some((fault) => fault.name === name)
    return {
      consumers: consumers.map(({ durable, stream }) => ({ durable, stream })),
      // What was tried while processes died of something else is given up too: nobody can tell the two apart.
      mayDie: (_durable, eventId) =>
        ["poison", "crash"].includes(this.behaviours.get(eventId)?.kind ?? "") || this.deaths >= attemptsMax,
      allowsForeign: has("foreign message"),
      allowsRenumbering: has("foreign message") && (has("broker rolled back") || has("broker wiped")),
    }
  }
}
