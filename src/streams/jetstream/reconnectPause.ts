/** How long to wait between two attempts to reconnect to one server: doubling to a bound, and never in step. */

const firstMs = 100
/** A server that is back is found within this; a thousand clients make two hundred attempts a second. */
const maxMs = 5_000

/** `attempt` counts from 0; `random` is in [0, 1). Half of the pause is jitter. */
export const reconnectPauseMs = (attempt: number, random: number): number => {
  // The exponent is bounded because 2 ** 1100 is infinite.
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 10))
  return Math.round(fullMs / 2 + random * fullMs / 2)
}
