/**
 * A timer for sending at a fixed rate: fires about 0.1 ms late, where `setTimeout` is up to 1 ms late and a busy loop
 * would take a core from the server that is measured. A worker thread sleeps on a futex and posts a message.
 */
import { Worker } from "node:worker_threads"

export interface PreciseTimer {
  /** Fires once, `delayMs` from now; arming again before it fired is not allowed. */
  readonly arm: (delayMs: number) => void
  readonly stop: () => Promise<void>
}

export function preciseTimer(fire: () => void): PreciseTimer {
  const shared = new SharedArrayBuffer(16)
  const armed = new Int32Array(shared, 0, 1)
  const delayMs = new Float64Array(shared, 8, 1)
  const worker = new Worker(new URL("./preciseTimerThread.ts", import.meta.url), { workerData: shared })
  worker.on("message", fire)
  return {
    arm: (wantedMs) => {
      delayMs[0] = Math.max(0, wantedMs)
      Atomics.store(armed, 0, 1)
      Atomics.notify(armed, 0)
    },
    stop: async () => void await worker.terminate(),
  }
}
