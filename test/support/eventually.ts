/** Waits for a state that another process reaches in its own time. Never for a time. */

/** Far longer than any state here takes on a busy machine: it ends a wait for what never comes. */
const withinMsDefault = 15_000
const lookEveryMs = 25

/** The first value that is not undefined. `what` is said when none came. */
export const eventually = async <A>(
  what: string,
  look: () => Promise<A | undefined>,
  withinMs = withinMsDefault,
): Promise<A> => {
  const deadline = Date.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`it never came to this: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}
