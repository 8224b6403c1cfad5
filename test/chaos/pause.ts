/** Lets a fault last: the length of an outage is the fault itself, not a wait for something. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
