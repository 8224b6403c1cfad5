/** What the consumer bench compares, and what each process of it is told. */
export type Contender =
  | "raw"
  | "raw, 8 durables"
  | "raw, events opened"
  | "tipstream, one lane"
  | "tipstream, 8 partitions"
  | "moleculer"

export interface Plan {
  readonly contender: Contender
  readonly url: string
  readonly messages: number
  /** Names the backlog: its stream, and its durables. */
  readonly run: string
  /** Where the peer is installed. */
  readonly peerFolder: string
}

export interface Durable {
  readonly stream: string
  readonly name: string
}

/** Makes its durables, consumes, and says which they were; its promise ends when everything is told to the broker. */
export type Consume = (
  plan: Plan,
  handled: (messages: number) => void,
  finished: Promise<unknown>,
) => Promise<ReadonlyArray<Durable>>

export const partitions = 8

/** Of our consumer; twice as many may be unacknowledged at the broker, for every contender. */
export const batchMax = 500

/** Nothing comes twice in a run: all of it takes less. */
export const ackWaitMs = 60_000
