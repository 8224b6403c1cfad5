/** Short, so that what waits for them waits for seconds; in the proportions of the service. */
export const worldDefaults = { partitions: 4, attemptsMax: 4, ackWaitMs: 1_000, leaseMs: 4_000, batchMax: 20 }
