/** The stores' ports over the simulated database, as one node has them. */
import { Context, Effect, Exit } from "effect"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { DeadLetter, DeadLetters } from "../../src/streams/DeadLetters.ts"
import { LaneLost } from "../../src/streams/EventLog.ts"
import { Inbox } from "../../src/streams/Inbox.ts"
import { LaneAttempts } from "../../src/streams/LaneAttempts.ts"
import { LaneLeases } from "../../src/streams/LaneLeases.ts"
import type { LaneLease, LaneName } from "../../src/streams/LaneLeases.ts"
import { headers as names } from "../../src/streams/names.ts"
import { OutboxRows } from "../../src/streams/OutboxRows.ts"
import { outboxRowsOf } from "./outboxRows.ts"
import { ask, look } from "./statements.ts"
import type { Database, LeaseRow, Transaction } from "./Database.ts"
import { CurrentTransaction } from "./Database.ts"
import type { Node } from "./World.ts"

export const storesOf = (database: Database, node: Node, leaseMs: number) =>
  Context.make(Inbox, inboxOf(database, node)).pipe(
    Context.add(OutboxRows, outboxRowsOf(database, node)),
    Context.add(LaneLeases, laneLeasesOf(database, node, leaseMs)),
    Context.add(LaneAttempts, laneAttemptsOf(database, node)),
    Context.add(DeadLetters, deadLettersOf(database, node)),
  )

const inboxOf = (database: Database, node: Node) => {
  const begin = (durable: string, eventIds: ReadonlyArray<string>) => {
    let begun: Transaction | undefined
    // With the connection goes the transaction.
    const lost = Effect.sync(() => begun === undefined ? undefined : database.rollback(begun))
    return Effect.tapError(asked(durable, eventIds, (transaction) => begun = transaction), () => lost)
  }
  const asked = (durable: string, eventIds: ReadonlyArray<string>, onBegin: (transaction: Transaction) => void) =>
    ask<{ readonly transaction: Transaction; readonly fresh: ReadonlySet<string> }>(
      database,
      node,
      "inbox",
      (answer) => {
        const transaction = database.begin(node)
        onBegin(transaction)
        const left = [...eventIds].sort()
        const fresh = new Set<string>()
        const next = () => {
          const id = left.shift()
          if (id === undefined) return answer(Exit.succeed({ transaction, fresh }))
          const key = `${durable}/${id}`
          database.lock(transaction, key, () => {
            if (!database.inbox.has(key)) {
              fresh.add(id)
              transaction.writes.push(() => database.inbox.add(key))
            }
            next()
          })
        }
        next()
      },
    )
  return Inbox.of({
    handled: (durable, eventId) => Effect.sync(() => database.inbox.has(`${durable}/${eventId}`)),
    once: <E, R>(
      durable: string,
      eventIds: ReadonlyArray<string>,
      effect: (fresh: ReadonlySet<string>) => Effect.Effect<void, E, R>,
    ) =>
      Effect.gen(function* () {
        const { transaction, fresh } = yield* begin(durable, eventIds)
        const exit = fresh.size === 0 ? Exit.void : yield* effect(fresh).pipe(
          Effect.provideService(CurrentTransaction, transaction),
          Effect.exit,
        )
        if (Exit.isFailure(exit)) {
          database.world.after(database.world.latencyMs(), () => database.rollback(transaction))
          return yield* Effect.failCause(exit.cause)
        }
        yield* ask<void>(database, node, "commit", (answer) => {
          const unavailable = new StoreUnavailable({ operation: "commit", cause: "the transaction is gone" })
          answer(database.commit(transaction) ? Exit.void : Exit.fail(unavailable))
        }).pipe(Effect.tapError(() => Effect.sync(() => database.rollback(transaction))))
      }),
  })
}

const keyOf = ({ durable, lane }: Pick<LaneName, "durable" | "lane">) => `${durable}/${lane}`

const laneLeasesOf = (database: Database, node: Node, leaseMs: number) => {
  const { lanes, replicas, world } = database
  let known: ReadonlyMap<string, LaneLease> = new Map()

  const rowOf = (lane: LaneName): LeaseRow => {
    const key = keyOf(lane)
    let row = lanes.get(key)
    if (row === undefined) {
      row = { holder: undefined, epoch: 0, heldUntilMs: 0, headSequence: 0, headAttempts: 0, guards: new Set() }
      lanes.set(key, row)
    }
    return row
  }
  const isMine = (lane: LaneName) =>
    rowOf(lane).holder === node.name && rowOf(lane).epoch === known.get(keyOf(lane))?.epoch
  const isFree = (lane: LaneName) => {
    const { holder, heldUntilMs, guards } = rowOf(lane)
    return guards.size === 0 && (holder === undefined || holder === node.name || heldUntilMs <= world.nowMs)
  }

  const renewOf = (durable: string, wanted: ReadonlyArray<LaneName>) => {
    const alive = [...replicas.values()].filter((one) => one.aliveUntilMs > world.nowMs && one.durables.has(durable))
    const share = Math.ceil(wanted.length / Math.max(1, alive.length))
    const held = wanted.filter(isMine)
    const free = wanted.filter((lane) => !held.includes(lane) && isFree(lane))
    // Replicas begin with different lanes.
    const turn = free.length === 0 ? 0 : world.seed.int(0, free.length - 1)
    const taken = [...free.slice(turn), ...free.slice(0, turn)].slice(0, Math.max(0, share - held.length))
    for (const lane of taken) {
      const row = rowOf(lane)
      row.holder = node.name
      row.epoch++
    }
    for (const lane of [...held, ...taken]) rowOf(lane).heldUntilMs = world.nowMs + leaseMs
    return { held: [...held, ...taken], surplus: held.slice(share) }
  }
  const leaseOf = (lane: LaneName): LaneLease => ({ ...lane, epoch: rowOf(lane).epoch })

  return LaneLeases.of({
    leaseMs,
    renew: (wanted) =>
      Effect.map(
        look(database, node, "leases.renew", () => {
          const durables = new Set(wanted.map(({ durable }) => durable))
          replicas.set(node.name, { aliveUntilMs: world.nowMs + leaseMs, durables })
          const all = [...durables].map((one) => renewOf(one, wanted.filter(({ durable }) => durable === one)))
          return {
            held: all.flatMap(({ held }) => held).map(leaseOf),
            surplus: all.flatMap(({ surplus }) => surplus).map(leaseOf),
          }
        }),
        (answer) => {
          known = new Map(answer.held.map((lease) => [keyOf(lease), lease]))
          return answer
        },
      ),
    release: (leases) =>
      look(database, node, "leases.release", () => {
        for (const lease of leases) {
          const row = rowOf(lease)
          if (row.holder !== node.name || row.epoch !== lease.epoch) continue
          row.holder = undefined
          row.heldUntilMs = 0
        }
      }),
    leave: look(database, node, "leases.leave", () => void replicas.delete(node.name)),
    guard: (lease) =>
      Effect.flatMap(
        CurrentTransaction,
        (transaction) =>
          ask<void, LaneLost>(database, node, "leases.guard", (answer) => {
            const row = rowOf(lease)
            if (row.holder !== node.name || row.epoch !== lease.epoch || transaction?.isOpen !== true) {
              return answer(Exit.fail(new LaneLost({ durable: lease.durable, lane: lease.lane })))
            }
            row.guards.add(transaction)
            transaction.onEnd.push(() => row.guards.delete(transaction))
            answer(Exit.void)
          }),
      ),
  })
}

const laneAttemptsOf = (database: Database, node: Node) => {
  const rowOf = (lease: LaneLease) => {
    const row = database.lanes.get(keyOf(lease))
    return row?.epoch === lease.epoch ? row : undefined
  }
  return LaneAttempts.of({
    begin: (lease, sequence) =>
      look(database, node, "attempts.begin", () => {
        const row = rowOf(lease)
        if (row === undefined) return 1
        row.headAttempts = row.headSequence === sequence ? row.headAttempts + 1 : 1
        row.headSequence = sequence
        return row.headAttempts
      }),
    giveBack: (lease, sequence) =>
      look(database, node, "attempts.giveBack", () => {
        const row = rowOf(lease)
        if (row?.headSequence === sequence) row.headAttempts = Math.max(0, row.headAttempts - 1)
      }),
  })
}

const deadLettersOf = (database: Database, node: Node) => {
  const { letters, record, world } = database
  return DeadLetters.of({
    record: (durable, delivery, cause) =>
      look(database, node, "letters.record", () => {
        const { stream, sequence, subject, attempt: attempts, payload } = delivery
        const messageId = delivery.headers[names.messageId] ?? ""
        const isKnown = letters.some(({ letter }) =>
          letter.durable === durable && letter.stream === stream && letter.sequence === sequence &&
          letter.messageId === messageId
        )
        if (isKnown) return
        const fate = { attempts, diedAtMs: Math.floor(world.nowMs), state: "open" as const, redrives: 0 }
        const id = letters.length + 1
        const letter = new DeadLetter({ id, durable, stream, sequence, subject, messageId, ...cause, ...fate })
        letters.push({ letter, headers: delivery.headers, payload })
        record({ kind: "deadLetter", durable, stream, sequence, messageId })
      }),
    list: () => Effect.succeed([]),
    count: () => Effect.succeed(0),
    find: (id) => Effect.succeed(letters.find(({ letter }) => letter.id === id)),
    // The operator of a run works on the tables: see `Operator.ts`.
    redrive: () => Effect.succeed({ redriven: [], refused: [] }),
    drop: () => Effect.succeed([]),
  })
}
