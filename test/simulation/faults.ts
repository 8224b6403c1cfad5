/** Makes the faults of a plan happen, and mends each after its time. */
import { parseSubject } from "../../src/streams/names.ts"
import { lanes } from "./lanes.ts"
import type { Fault, FaultName, Plan } from "./plan.ts"
import type { HistoryRecord } from "../history/history.ts"
import type { BrokerServer, Disk } from "./BrokerServer.ts"
import type { Database } from "./Database.ts"
import type { Replica } from "./replica.ts"
import type { World } from "./World.ts"

/** The system that faults happen to. */
interface System {
  readonly plan: Plan
  readonly world: World
  readonly server: BrokerServer
  readonly database: Database
  readonly replicas: ReadonlyArray<Replica>
  underway: number
  readonly record: (record: HistoryRecord) => void
  readonly provision: () => void
  readonly restart: (index: number, afterMs: number) => void
}

export const faultsOf = (simulation: System) => {
  const { world, plan } = simulation
  for (const fault of plan.faults) {
    simulation.underway++
    const take = faults[fault.name](simulation, fault)
    world.after(fault.atMs, () => {
      simulation.record({ kind: "fault", name: fault.name, at: fault.atMs })
      const mend = take()
      world.after(fault.lastsMs, () => {
        mend()
        simulation.underway--
      })
    })
  }
}

/** Prepares a fault; what it gives makes it happen, and gives what ends it. */
type Make = (simulation: System, fault: Fault) => () => () => void

const nothing = () => undefined

const faults: Record<FaultName, Make> = {
  "broker killed": ({ server }) => () => {
    server.kill()
    return () => server.start()
  },
  "broker frozen": ({ server }) => () => {
    server.freeze()
    return () => server.thaw()
  },
  "broker rolled back": (simulation, { atMs, target }) => {
    const { server, world } = simulation
    let disk: Disk | undefined
    // What the disk had some moments, or some seconds, before.
    world.after(atMs - Math.min(atMs, (target + 1) * 500), () => {
      if (server.status !== "down") disk = server.copy()
    })
    return () => {
      server.kill()
      return () => {
        server.start(disk)
        // The disk may be from before a durable was made.
        simulation.provision()
      }
    }
  },
  "broker wiped": (simulation) => () => {
    const { server } = simulation
    server.kill()
    return () => {
      server.start([])
      simulation.provision()
    }
  },
  "broker full": ({ server }) => () => {
    const setFull = (isFull: boolean) => {
      for (const stream of server.streams.values()) stream.isFull = isFull
    }
    setFull(true)
    return () => setFull(false)
  },
  "durable deleted": (simulation, { target }) => () => {
    const { stream, config } = lanes[target % lanes.length]!
    simulation.server.deleteDurable(stream, config.durable_name)
    return () => simulation.provision()
  },
  "foreign message": ({ server }, { target }) => () => {
    const subject = `tenant.acme.accounts.user.opened.0${target % 3}.u1`
    const isOurs = parseSubject(subject) !== undefined && target % 2 === 0
    server.receive(() => {
      server.streamOf(subject)?.publish(isOurs ? subject : "tenant.acme.accounts.x", {}, new Uint8Array([1, 2, 3]))
    })
    return nothing
  },
  "replica killed": (simulation, { target, lastsMs }) => () => {
    const index = target % simulation.replicas.length
    simulation.world.kill(simulation.replicas[index]!.node)
    simulation.restart(index, lastsMs)
    return nothing
  },
  "replica paused": ({ replicas, world }, { target }) => () => {
    const { node } = replicas[target % replicas.length]!
    world.pause(node)
    return () => world.resume(node)
  },
  "replica stopped": (simulation, { target, lastsMs }) => () => {
    const index = target % simulation.replicas.length
    simulation.replicas[index]!.stop()
    // Longer than a stop may take.
    simulation.restart(index, lastsMs + 20_000)
    return nothing
  },
  "connection lost": ({ replicas }, { target }) => () => {
    const { link } = replicas[target % replicas.length]!
    link.hold()
    return () => link.mend()
  },
  "database in trouble": ({ database }) => () => {
    database.isTroubled = true
    return () => {
      database.isTroubled = false
    }
  },
}
