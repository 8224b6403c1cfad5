/**
 * The tables that the log stands on, with what a real database promises of them: a transaction happens whole or not at
 * all, an inbox row is written by one transaction at a time, a lane's lease does not change hands under a guard, and
 * rows are numbered by transactions that may commit in another order than they began.
 */
import { Context } from "effect"
import type { HistoryRecord } from "../history/history.ts"
import type { OpenedLetter } from "../../src/streams/DeadLetters.ts"
import type { StoredMessage } from "../../src/streams/envelope.ts"
import type { StreamName } from "../../src/streams/names.ts"
import type { Node, World } from "./World.ts"

export interface Row extends StoredMessage {
  readonly position: number
  /** Nats-Msg-Id. */
  readonly eventId: string
  readonly transaction: number
  readonly appendedAtMs: number
  sequence: number | undefined
  isPublished: boolean
}

export interface Mark {
  readonly stream: StreamName
  publishedUntil: number
  lastSequence: number
}

export interface LeaseRow {
  holder: string | undefined
  epoch: number
  heldUntilMs: number
  /** Of the head that was tried last. */
  headSequence: number
  headAttempts: number
  readonly guards: Set<Transaction>
}

export class Transaction {
  readonly id: number
  readonly writes: Array<() => void> = []
  /** Locks to give back, and what else ends with it. */
  readonly onEnd: Array<() => void> = []
  isOpen = true

  constructor(id: number) {
    this.id = id
  }
}

/** The transaction an effect runs in. */
export const CurrentTransaction = Context.Reference<Transaction | undefined>("simulation/CurrentTransaction", {
  defaultValue: () => undefined,
})

/** How long the database takes to see that a client died. */
const noticeMs = 5

export class Database {
  readonly world: World
  readonly record: (record: HistoryRecord) => void
  readonly rows: Array<Row> = []
  readonly marks = new Map<StreamName, Mark>()
  readonly inbox = new Set<string>()
  readonly letters: Array<OpenedLetter> = []
  readonly lanes = new Map<string, LeaseRow>()
  readonly replicas = new Map<string, { aliveUntilMs: number; readonly durables: ReadonlySet<string> }>()
  /** Who publishes, so that the others need not. */
  readonly lead: { holder: string | undefined; untilMs: number } = { holder: undefined, untilMs: 0 }
  /** Statements fail, some of them after they were done. */
  isTroubled = false
  private readonly open = new Set<number>()
  private readonly locks = new Map<string, Array<() => void>>()
  private nextTransaction = 1
  private nextPosition = 1

  constructor(world: World, streams: ReadonlyArray<StreamName>, record: (record: HistoryRecord) => void) {
    this.world = world
    this.record = record
    for (const stream of streams) this.marks.set(stream, { stream, publishedUntil: 0, lastSequence: 0 })
  }

  begin(node?: Node): Transaction {
    const transaction = new Transaction(this.nextTransaction++)
    this.open.add(transaction.id)
    const notice = () => void this.world.after(noticeMs, () => this.rollback(transaction))
    // What a process asked for just before it died is begun all the same.
    if (node?.state === "dead") notice()
    else node?.onKill.push(notice)
    return transaction
  }

  /** False when it had ended before. */
  commit(transaction: Transaction): boolean {
    if (!transaction.isOpen) return false
    for (const write of transaction.writes) write()
    this.end(transaction)
    return true
  }

  rollback(transaction: Transaction) {
    if (transaction.isOpen) this.end(transaction)
  }

  private end(transaction: Transaction) {
    transaction.isOpen = false
    this.open.delete(transaction.id)
    for (const end of transaction.onEnd) end()
  }

  /** Waits for whoever has the lock; calls back at once when nobody has. */
  lock(transaction: Transaction, key: string, locked: () => void) {
    const waiters = this.locks.get(key)
    if (waiters !== undefined) return void waiters.push(() => this.take(transaction, key, locked))
    this.locks.set(key, [])
    this.take(transaction, key, locked)
  }

  private take(transaction: Transaction, key: string, locked: () => void) {
    if (!transaction.isOpen) return this.unlock(key)
    transaction.onEnd.push(() => this.unlock(key))
    locked()
  }

  private unlock(key: string) {
    const next = this.locks.get(key)?.shift()
    if (next === undefined) this.locks.delete(key)
    else next()
  }

  /** In the order of the commits; only those of transactions older than the oldest that still runs. */
  inOrder(rows: ReadonlyArray<Row>): ReadonlyArray<Row> {
    const horizon = Math.min(this.nextTransaction, ...this.open)
    return rows.filter((row) => row.transaction < horizon)
      .sort((a, b) => a.transaction - b.transaction || a.position - b.position)
  }

  /** A row that is there once the transaction commits; an id that is there already is not written again. */
  append(transaction: Transaction, eventId: string, message: StoredMessage, committed: (order: number) => void) {
    const position = this.nextPosition++
    transaction.writes.push(() => {
      if (this.rows.some((row) => row.eventId === eventId)) return
      const { id } = transaction
      const appendedAtMs = this.world.nowMs
      this.rows.push({
        ...message,
        position,
        eventId,
        transaction: id,
        appendedAtMs,
        sequence: undefined,
        isPublished: false,
      })
      committed(id * 10_000 + position)
    })
  }
}
