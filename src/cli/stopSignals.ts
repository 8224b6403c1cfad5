/**
 * SIGINT (Ctrl-C) and SIGTERM: the first one stops in order, a later one ends the process at once. Whatever this
 * process started notices that and ends by itself.
 *
 * This file looks after the second one; `NodeRuntime.runMain` interrupts the main fiber on the first.
 */
import process from "node:process"

/**
 * Ctrl-C in a terminal reaches the whole process group, and npm, which is in it, passes its own copy on: the two
 * arrive within milliseconds of each other, and no hand is that fast.
 */
const sameRequestMs = 500

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** As after `| head`: ends as a program without a handler for SIGPIPE does, not as a mistake. */
const unreadCode = 141

type StopSignal = keyof typeof exitCodes

export interface StopSignals {
  /** A stop from now on ends something that had come up. */
  readonly ready: () => void
  /** Called when nobody reads what is written any more, instead of ending at once: to end by itself, and soon. */
  readonly whenUnread: (end: () => void) => void
  /** For a process that was asked to stop and did: 0 once it was ready; before, as a shell reports the signal. */
  readonly exitCode: () => number
}

export const watch = (): StopSignals => {
  let first: { readonly atMs: number; readonly signal: StopSignal; readonly wasReady: boolean } | undefined
  let isReady = false
  const on = (signal: StopSignal) => {
    if (first === undefined) {
      first = { atMs: performance.now(), signal, wasReady: isReady }
    } else if (performance.now() - first.atMs >= sameRequestMs) {
      process.stderr.write("tipstream: ended at once; what was under way is taken up on the next start\n")
      process.exit(exitCodes[signal])
    }
  }
  process.on("SIGINT", on)
  process.on("SIGTERM", on)
  let isUnread = false
  let isLookedAfter = false
  let endUnread = (): void => process.exit(unreadCode)
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ENOSPC") {
      // Whoever looks after its own writes hears of a full disk too, and says so.
      if (isLookedAfter) return
      process.stderr.write("tipstream: standard output: the disk is full\n")
      process.exit(1)
    }
    if (error.code !== "EPIPE") throw error
    isUnread = true
    endUnread()
  })
  return {
    ready: () => {
      isReady = true
    },
    whenUnread: (end) => {
      isLookedAfter = true
      endUnread = end
    },
    exitCode: () => {
      if (isUnread) return unreadCode
      return first === undefined || first.wasReady ? 0 : exitCodes[first.signal]
    },
  }
}
