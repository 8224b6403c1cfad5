/**
 * Who is in memory and who may come in: the synchronous half of the local engine. Its only fibers and clocks are
 * the ones it is told about.
 */
import { Latch } from "effect"
import { type ActorSnapshot, ActorStopped, type EngineOptions, MailboxFull } from "./ActorSystem.ts"
import { type Cell, type Letter, makeCell } from "./LocalActor.ts"

type Bounds = Pick<EngineOptions<never, never, never, never>, "name" | "actorsMax" | "mailboxCapacity">

export interface Roster<Message, Reply, E> {
  readonly bounds: Bounds
  readonly cells: Map<string, Cell<Message, Reply, E>>
  /** In the order in which their cool-downs end. */
  readonly poisoned: Set<Cell<Message, Reply, E>>
  /** Letters accepted and neither handled nor taken back. */
  open: number
  /** Refuses everything, for good. */
  draining: boolean
  /** Opens when the last letter of a draining roster is closed. */
  readonly quiet: Latch.Latch
}

export const make = <Message, Reply, E>(bounds: Bounds): Roster<Message, Reply, E> => ({
  bounds,
  cells: new Map(),
  poisoned: new Set(),
  open: 0,
  draining: false,
  quiet: Latch.makeUnsafe(),
})

/** The cell that takes a letter for `id` now, or why none does. A new cell, and a cooled one, still wants a fiber. */
export const admit = <Message, Reply, E>(
  roster: Roster<Message, Reply, E>,
  id: string,
  nowMs: () => number,
  passivateOldest: () => void,
): Cell<Message, Reply, E> | MailboxFull | ActorStopped => {
  const { actorsMax, mailboxCapacity, name: actor } = roster.bounds
  if (roster.draining) return new ActorStopped({ actor, id, reason: "draining" })
  const known = roster.cells.get(id)
  if (known === undefined) {
    if (roster.cells.size >= actorsMax) makeRoom(roster, nowMs, passivateOldest)
    if (roster.cells.size >= actorsMax) return new MailboxFull({ actor, id, bound: "actorsMax", limit: actorsMax })
    const cell = makeCell<Message, Reply, E>(id)
    roster.cells.set(id, cell)
    return cell
  }
  if (known.state === "poisoned") {
    const retryAfterMs = Math.max(0, Math.ceil(known.coolUntilMs - nowMs()))
    // A fiber that still runs its finalizers must end before another may load.
    if (retryAfterMs > 0 || known.live) return new ActorStopped({ actor, id, reason: "poisoned", retryAfterMs })
  }
  if (known.mailbox.length >= mailboxCapacity) {
    return new MailboxFull({ actor, id, bound: "mailboxCapacity", limit: mailboxCapacity })
  }
  return known
}

/** At the bound, actors that only remember give way: a cooled poisoned one at once, else an idle one in a moment. */
const makeRoom = <Message, Reply, E>(
  roster: Roster<Message, Reply, E>,
  nowMs: () => number,
  passivateOldest: () => void,
): void => {
  const [cooled] = roster.poisoned
  if (cooled !== undefined && !cooled.live && cooled.coolUntilMs <= nowMs()) {
    roster.poisoned.delete(cooled)
    roster.cells.delete(cooled.id)
    return
  }
  passivateOldest()
}

export const close = <Message, Reply, E>(roster: Roster<Message, Reply, E>): void => {
  roster.open -= 1
  if (roster.open === 0 && roster.draining) roster.quiet.openUnsafe()
}

/** Takes back a letter that has not begun. One that has begun is left to its handler. */
export const withdraw = <Message, Reply, E>(
  roster: Roster<Message, Reply, E>,
  letter: Letter<Message, Reply, E>,
): void => {
  const at = letter.cell.mailbox.indexOf(letter)
  if (at < 0) return
  letter.cell.mailbox.splice(at, 1)
  close(roster)
}

export const view = <Message, Reply, E>(cell: Cell<Message, Reply, E>): ActorSnapshot => ({
  id: cell.id,
  state: cell.state,
  queued: cell.mailbox.length,
  restarts: cell.restarts,
  ...(cell.lastFailure === undefined ? {} : { lastFailure: cell.lastFailure }),
})
