/**
 * Lets one lane of a process at a time try what processes may have died of before.
 *
 * A process that dies blames what every lane of it had in work. If all of them tried theirs at once again, the one
 * that is deadly would take all the others with it each time, and they would run out of attempts together.
 */
export class SuspectTurn {
  #owner: object | undefined
  readonly #waiting = new Map<object, () => void>()

  /** True when it is this one's turn until it ends it. Otherwise it is called when it may ask again. */
  take(owner: object, ask: () => void): boolean {
    if (this.#owner !== undefined && this.#owner !== owner) {
      this.#waiting.set(owner, ask)
      return false
    }
    this.#owner = owner
    return true
  }

  /** Changes nothing for who does not have it. */
  end(owner: object): void {
    if (this.#owner !== owner) return
    this.#owner = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const ask of waiting) ask()
  }
}
