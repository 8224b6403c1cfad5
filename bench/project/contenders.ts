/** What the projection bench compares, and what each process of it is told. */
export type Contender = "bare inserts" | "tipstream, one lane" | "tipstream, 8 partitions"

export interface Plan {
  readonly contender: Contender
  readonly natsUrl: string
  readonly databaseUrl: string
  readonly messages: number
  readonly payloadBytes: number
  /** Names the durables of this run. */
  readonly run: string
}

/** As the service has it when nobody sets one. */
export const poolMax = 10
