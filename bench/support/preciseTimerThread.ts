/** The thread of preciseTimer.ts: waits to be armed, sleeps, posts, and again. Ended from outside. */
import { parentPort, workerData } from "node:worker_threads"

const shared: SharedArrayBuffer = workerData
const armed = new Int32Array(shared, 0, 1)
const delayMs = new Float64Array(shared, 8, 1)
/** Nobody notifies it: waiting on it is sleeping. */
const never = new Int32Array(new SharedArrayBuffer(4))

while (true) {
  Atomics.wait(armed, 0, 0)
  Atomics.store(armed, 0, 0)
  Atomics.wait(never, 0, 0, delayMs[0])
  parentPort?.postMessage(null)
}
