/**
 * What a consumer remembers of one lane of a stream: a partition, or the whole stream for a consumer that needs
 * total order. Pure; the memory log and the SQL log both keep one of these per (durable, lane).
 *
 * Guarantees, whichever adapter keeps it: deliveries of a lane are in log order; nothing after an unacknowledged
 * message is delivered before it; what was pulled but not acknowledged (crash or nak) comes again, one message at a
 * time, so that its attempts are its own and a poisoned neighbour cannot spend them.
 */
export interface Lane {
  /** Everything up to here is settled. */
  readonly cursor: number
  /** The last sequence handed out. Beyond the cursor: in flight, or lost with whoever held it. */
  readonly pulledUntil: number
  /** Up to here messages are handed out singly. */
  readonly isolateUntil: number
  /** The message handed out singly and how often; 0 when the head has not been tried alone. */
  readonly headSequence: number
  readonly headAttempts: number
  /** Epoch milliseconds before which the head is not tried again. */
  readonly retryAtMs: number
}

export const laneAt = (cursor: number): Lane => ({
  cursor,
  pulledUntil: cursor,
  isolateUntil: cursor,
  headSequence: 0,
  headAttempts: 0,
  retryAtMs: 0,
})

/** How many messages a pull may look for: one while isolating. */
export const pullSize = (lane: Lane, batchMax: number): number => isolates(lane) ? 1 : batchMax

/** True while the lane waits out a nak. */
export const isResting = (lane: Lane, nowMs: number): boolean => lane.retryAtMs > nowMs

/** The lane after handing out these sequences (one to `pullSize`), and which attempt this is for the first of them. */
export const pulled = (
  lane: Lane,
  sequences: ReadonlyArray<number>,
): { readonly lane: Lane; readonly attempt: number } => {
  const first = sequences[0]!
  const last = sequences.at(-1)!
  const again = lane.pulledUntil > lane.cursor
  // A batch that was handed out and not settled counts as one attempt of each message in it.
  const before = lane.headSequence === first ? lane.headAttempts : first <= lane.isolateUntil || again ? 1 : 0
  const attempt = before + 1
  return {
    attempt,
    lane: {
      ...lane,
      pulledUntil: Math.max(last, lane.pulledUntil),
      isolateUntil: again ? Math.max(lane.isolateUntil, lane.pulledUntil) : lane.isolateUntil,
      headSequence: first,
      headAttempts: attempt,
      retryAtMs: 0,
    },
  }
}

/** Everything up to `sequence` is done with. A late or repeated settle changes nothing. */
export const settled = (lane: Lane, sequence: number): Lane =>
  sequence <= lane.cursor ? lane : {
    ...lane,
    cursor: sequence,
    // While isolating, what lies between the settled head and the end of the lost batch is not in flight any more.
    pulledUntil: isolates(lane) ? sequence : Math.max(sequence, lane.pulledUntil),
    isolateUntil: isolates(lane) ? Math.max(lane.isolateUntil, lane.pulledUntil) : lane.isolateUntil,
    retryAtMs: 0,
  }

/**
 * The messages in flight come again, not before `retryAtMs`. Unless it `counts`, they come as if they had not been
 * handed out this time: a first batch whole, a single head with its attempt given back.
 * What is left of a batch settled in part keeps its one attempt.
 */
export const refused = (lane: Lane, retryAtMs: number, counts: boolean): Lane =>
  counts ? { ...lane, retryAtMs } : {
    ...lane,
    // Nothing was in doubt before this batch, so nothing is in doubt after it.
    pulledUntil: lane.isolateUntil > lane.cursor ? lane.pulledUntil : lane.cursor,
    headAttempts: Math.max(0, lane.headAttempts - 1),
    retryAtMs,
  }

const isolates = (lane: Lane): boolean => lane.isolateUntil > lane.cursor || lane.pulledUntil > lane.cursor
