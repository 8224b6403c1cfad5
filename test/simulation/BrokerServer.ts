/**
 * A broker that can be killed, frozen, filled, wiped and rolled back. What clients send it arrives as a task; a frozen
 * one works through its tasks when it goes on, also those whose senders have long given up.
 */
import type { ConsumerConfig, StreamConfig } from "../../src/streams/contracts.ts"
import type { StreamState } from "./ServerStream.ts"
import { ServerStream } from "./ServerStream.ts"
import type { ServerDurable } from "./ServerDurable.ts"
import type { World } from "./World.ts"

export type Disk = ReadonlyArray<StreamState>

/** How old the state of a durable on disk may be; streams are written before they are acknowledged. */
const stateLagMaxMs = 200

export class BrokerServer {
  readonly world: World
  readonly streams = new Map<string, ServerStream>()
  status: "up" | "frozen" | "down" = "up"
  /** Told of every death and every start. */
  readonly onStatus: Array<(status: "up" | "down") => void> = []
  private held: Array<() => void> = []
  /** States of the last moments, oldest first: a death may find any of them on disk. */
  private moments: Array<{ readonly atMs: number; readonly disk: Disk }> = []
  private disk: Disk = []
  private life = 0

  readonly looksAtNumberFirst: boolean

  constructor(world: World, looksAtNumberFirst: boolean) {
    this.world = world
    this.looksAtNumberFirst = looksAtNumberFirst
  }

  addStream(config: StreamConfig) {
    const createdAtMs = this.world.nowMs
    this.streams.set(config.name, this.load({ config, createdAtMs, messages: [], lastSequence: 0, durables: [] }))
  }

  addDurable(stream: string, config: ConsumerConfig) {
    this.streams.get(stream)?.addDurable(config)
  }

  durable(stream: string, name: string): ServerDurable | undefined {
    return this.streams.get(stream)?.durables.get(name)
  }

  deleteDurable(stream: string, name: string) {
    this.durable(stream, name)?.end()
    this.streams.get(stream)?.durables.delete(name)
  }

  streamOf(subject: string): ServerStream | undefined {
    return [...this.streams.values()].find((stream) => stream.takes(subject))
  }

  /** A task that came over the network. */
  receive(task: () => void) {
    if (this.status === "up") task()
    else if (this.status === "frozen") this.held.push(task)
  }

  /** For the state of durables that a death finds; called before whatever changes them. */
  remember() {
    const { nowMs } = this.world
    if ((this.moments.at(-1)?.atMs ?? -Infinity) > nowMs - stateLagMaxMs / 4) return
    this.moments.push({ atMs: nowMs, disk: this.copy() })
    while (this.moments.length > 1 && this.moments[1]!.atMs < nowMs - stateLagMaxMs) this.moments.shift()
  }

  /** All that is stored now, to be put back later: what a disk holds whose last writes were lost. */
  copy(): Disk {
    return [...this.streams.values()].map((stream) => stream.state())
  }

  kill() {
    if (this.status === "down") return
    const moment = this.world.seed.pick([undefined, ...this.moments])
    this.disk = this.copy().map((stream) => {
      const old = moment?.disk.find((one) => one.config.name === stream.config.name)
      const durables = stream.durables.map((durable) =>
        old?.durables.find(({ config }) => config.durable_name === durable.config.durable_name) ?? durable
      )
      return { ...stream, durables }
    })
    this.life++
    this.status = "down"
    this.held = []
    this.moments = []
    for (const stream of this.streams.values()) stream.end()
    this.streams.clear()
    for (const told of this.onStatus) told("down")
  }

  /** With what is on its disk, or with another one. */
  start(disk: Disk = this.disk) {
    if (this.status !== "down") return
    this.status = "up"
    for (const stream of disk) this.streams.set(stream.config.name, this.load(stream))
    for (const told of this.onStatus) told("up")
  }

  freeze() {
    if (this.status === "up") this.status = "frozen"
  }

  thaw() {
    if (this.status !== "frozen") return
    this.status = "up"
    for (const task of this.held.splice(0)) task()
  }

  private load(state: StreamState): ServerStream {
    const { life } = this
    return new ServerStream({
      world: this.world,
      looksAtNumberFirst: this.looksAtNumberFirst,
      whenAwake: (task) => {
        if (this.life === life) this.receive(() => this.life === life ? task() : undefined)
      },
      advise: (subject, body) => {
        this.streamOf(subject)?.publish(subject, {}, new TextEncoder().encode(JSON.stringify(body)))
      },
    }, state)
  }
}
