/**
 * The connection of one node to the broker: in order both ways, and cut at any time, with everything that is on its
 * way lost. Comes back by itself when the server can be reached.
 */
import type { BrokerServer } from "./BrokerServer.ts"
import type { Node, World } from "./World.ts"

/** How long a client waits before it connects again. */
const reconnectMaxMs = 500

export class Link {
  readonly world: World
  readonly server: BrokerServer
  readonly node: Node
  isUp = false
  /** Told when it is up again, and when it is cut, by the node's side. */
  readonly onChange = new Set<(isUp: boolean) => void>()
  /** The server notices that nobody is there any more. */
  readonly onServerClose = new Set<() => void>()
  private life = 0
  private isHeldDown = false
  private toServerAtMs = 0
  private toNodeAtMs = 0

  constructor(world: World, server: BrokerServer, node: Node) {
    this.world = world
    this.server = server
    this.node = node
    this.isUp = server.status !== "down"
    server.onStatus.push((status) => status === "down" ? this.cut() : this.reconnect())
    node.onKill.push(() => this.closed())
  }

  /** Arrives after all that was sent before, or not at all. */
  send(task: () => void) {
    if (!this.isUp) return
    const { life } = this
    this.toServerAtMs = Math.max(this.toServerAtMs, this.world.nowMs + this.world.latencyMs())
    this.world.after(this.toServerAtMs - this.world.nowMs, () => {
      if (this.life === life || this.node.state === "dead") this.server.receive(task)
    })
  }

  /** From the server; a paused node gets it when it goes on, as its socket kept it. */
  reply(task: () => void) {
    if (!this.isUp) return
    const { life } = this
    this.toNodeAtMs = Math.max(this.toNodeAtMs, this.world.nowMs + this.world.latencyMs())
    this.world.after(this.toNodeAtMs - this.world.nowMs, () => {
      if (this.life === life) this.world.deliver(this.node, () => this.life === life ? task() : undefined)
    })
  }

  /** Until it is mended. */
  hold() {
    this.isHeldDown = true
    this.cut()
  }

  mend() {
    this.isHeldDown = false
    this.reconnect()
  }

  private cut() {
    if (!this.isUp) return
    this.isUp = false
    this.closed()
    this.world.deliver(this.node, () => this.tell(false))
  }

  private closed() {
    this.life++
    for (const told of this.onServerClose) told()
    this.onServerClose.clear()
  }

  private reconnect() {
    this.world.after(this.world.seed.next() * reconnectMaxMs, () =>
      this.world.deliver(this.node, () => {
        if (this.isUp || this.isHeldDown || this.server.status === "down") return
        this.isUp = true
        this.tell(true)
      }))
  }

  private tell(isUp: boolean) {
    // Whoever is told may ask again at once: that is of the next change.
    for (const told of Array.from(this.onChange)) told(isUp)
  }
}
