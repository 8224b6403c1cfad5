/** What the harness tells a replica, as JSON in one environment variable, and where a replica can be hurt. */

/**
 * Instants of a handling that only the process itself can hit:
 * - `effect`: before the effect is written; `commit`: it is written, the transaction is open;
 * - `ack`: the effect is committed, the broker does not know; `term`: the dead letter is stored, the same.
 */
export type Point = "effect" | "commit" | "ack" | "term"

export interface Fault {
  readonly at: Point
  /** `kill` is SIGKILL; `exit` ends in an orderly way, at once; `stop` is SIGSTOP, until the harness sends SIGCONT. */
  readonly do: "kill" | "exit" | "stop"
  /** At the nth time the point is reached. */
  readonly nth: number
}

export interface ReplicaOptions {
  readonly name: string
  readonly databaseUrl: string
  readonly natsUrl: string
  readonly partitions: number
  readonly attemptsMax: number
  readonly ackWaitMs: number
  readonly leaseMs: number
  readonly batchMax: number
  /** Appended to, one JSON line a fact. */
  readonly historyFile: string
  /** Rest of the handler before each event's effect. */
  readonly slowMs: number
  readonly faults: ReadonlyArray<Fault>
}

export const optionsVariable = "CHAOS_REPLICA"
