/**
 * One process that plays many, on a clock of its own: all that happens is a task at a virtual time, and tasks run one
 * by one, so a run is the same whenever its seed is, and takes no time that nothing happens in.
 *
 * A node is a process: its fibers, timers and replies are its own. Killed, nothing of it ever runs again, no finalizer
 * either; paused, what comes for it waits until it goes on, and then comes all at once.
 */
import { Clock, Context, Duration, Effect, Exit, Logger, Random, Scheduler } from "effect"
import { seedOf } from "./Seed.ts"
import type { Seed } from "./Seed.ts"

export interface Node {
  readonly name: string
  state: "running" | "paused" | "dead"
  /** What came while it was paused. */
  readonly held: Array<() => void>
  readonly onKill: Array<() => void>
  /** Its clock, its scheduler, its chance. */
  readonly context: Context.Context<never>
}

/** How long a message between two processes takes, one way. */
const latencyMaxMs = 2

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
  isCancelled: boolean
}

export class World {
  nowMs = 1_800_000_000_000
  readonly startMs = this.nowMs
  readonly seed: Seed
  /** What ended a fiber that should not end. */
  readonly defects: Array<unknown> = []
  private readonly timers: Array<Timer> = []
  private ready: Array<() => void> = []
  private order = 0

  constructor(seed: number) {
    this.seed = seedOf(seed)
  }

  /** Runs a task of the world itself, or of a server. Gives what cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + Math.max(0, delayMs), order: this.order++, run, isCancelled: false }
    push(this.timers, timer)
    return () => {
      timer.isCancelled = true
    }
  }

  /** As soon as the node can. */
  deliver(node: Node, task: () => void) {
    if (node.state === "running") task()
    else if (node.state === "paused") node.held.push(task)
  }

  node(name: string): Node {
    const node: Node = { name, state: "running", held: [], onKill: [], context: Context.empty() }
    const seed = this.seed.fork()
    const context = Context.empty().pipe(
      Context.add(Scheduler.Scheduler, {
        executionMode: "async",
        shouldYield: (fiber) => fiber.currentOpCount >= 2_048,
        makeDispatcher: () => ({
          scheduleTask: (task) => this.ready.push(() => this.deliver(node, task)),
          flush: () => undefined,
        }),
      }),
      Context.add(Clock.Clock, this.clockOf(node)),
      Context.add(Random.Random, {
        nextIntUnsafe: () => seed.int(0, 2 ** 31 - 1),
        nextDoubleUnsafe: seed.next,
      }),
      Context.add(Logger.CurrentLoggers, new Set<never>()),
    )
    return Object.assign(node, { context })
  }

  /** Starts an effect in a node; one that ends otherwise than by success is a defect of the run. */
  start<R>(node: Node, effect: Effect.Effect<unknown, unknown, R>, services: Context.Context<R>) {
    const fiber = Effect.runForkWith(Context.merge(services, node.context))(effect)
    fiber.addObserver((exit) => {
      if (Exit.isFailure(exit) && node.state !== "dead") this.defects.push(exit.cause)
    })
    return fiber
  }

  kill(node: Node) {
    if (node.state === "dead") return
    node.state = "dead"
    node.held.length = 0
    for (const told of node.onKill) told()
  }

  pause(node: Node) {
    if (node.state === "running") node.state = "paused"
  }

  resume(node: Node) {
    if (node.state !== "paused") return
    node.state = "running"
    this.ready.push(...node.held.splice(0).map((task) => () => this.deliver(node, task)))
  }

  /** A question to a server and its answer, each some time on the way. The question arrives even if the asker dies. */
  ask<A, E>(node: Node, serve: (answer: (exit: Exit.Exit<A, E>) => void) => void): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      this.after(
        this.latencyMs(),
        () => serve((exit) => this.after(this.latencyMs(), () => this.deliver(node, () => resume(exit)))),
      )
    })
  }

  latencyMs() {
    return 0.1 + this.seed.next() * latencyMaxMs
  }

  /** Runs until nothing is left to do, the time is over, or it is done. */
  run(untilMs: number, isDone: () => boolean): void {
    while (!isDone()) {
      const tasks = this.ready
      this.ready = []
      for (const task of tasks) task()
      if (this.ready.length > 0) continue
      const timer = pop(this.timers)
      if (timer === undefined || timer.atMs > untilMs) return
      if (timer.isCancelled) continue
      this.nowMs = Math.max(this.nowMs, timer.atMs)
      timer.run()
    }
  }

  private clockOf(node: Node): Clock.Clock {
    const millis = () => Math.floor(this.nowMs)
    const nanos = () => BigInt(Math.floor(this.nowMs * 1_000)) * 1_000n
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) =>
        Effect.callback<void>((resume) => {
          const cancel = this.after(
            Duration.toMillis(duration),
            () => this.deliver(node, () => resume(Effect.void)),
          )
          return Effect.sync(cancel)
        }),
    }
  }
}

const isEarlier = (one: Timer, other: Timer) =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)

const push = (heap: Array<Timer>, timer: Timer) => {
  let at = heap.push(timer) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isEarlier(timer, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = timer
}

const pop = (heap: Array<Timer>): Timer | undefined => {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || first === last) return first
  let at = 0
  while (true) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child++
    if (!isEarlier(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
  return first
}
