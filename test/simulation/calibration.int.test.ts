/** The simulated broker against the real one: the same scripts through the same port say the same. */
import { Effect, Layer } from "effect"
import { describe, expect, inject, it } from "vitest"
import { Broker } from "../../src/streams/jetstream/Broker.ts"
import * as JetStreamBroker from "../../src/streams/jetstream/JetStreamBroker.ts"
import * as NatsConnection from "../../src/streams/jetstream/NatsConnection.ts"
import { natsOfFile, urlOf, versionOf } from "../support/nats.ts"
import { BrokerServer } from "./BrokerServer.ts"
import { scripts } from "./calibration.ts"
import type { Provisioning } from "./calibration.ts"
import { Link } from "./Link.ts"
import { simulatedBroker } from "./SimulatedBroker.ts"
import { World } from "./World.ts"

const real = natsOfFile()

const onRealServer = (name: string): Promise<ReadonlyArray<unknown>> => {
  const connection = NatsConnection.layer({
    url: urlOf(real.server),
    credentials: undefined,
    name: "test",
    waitMs: 5_000,
  })
  return Effect.runPromise(
    Effect.scoped(Effect.gen(function* () {
      const { manager } = yield* NatsConnection.Nats
      const at: Provisioning = {
        addStream: (config) =>
          Effect.promise(() => manager.streams.add({ ...config, subjects: [...config.subjects] })).pipe(Effect.asVoid),
        addDurable: (stream, config) =>
          Effect.promise(() => manager.consumers.add(stream, { ...config, deliver_policy: "all" })).pipe(Effect.asVoid),
        deleteDurable: (stream, durable) =>
          Effect.promise(() => manager.consumers.delete(stream, durable)).pipe(Effect.asVoid),
      }
      return yield* scripts[name]!(at)
    })).pipe(Effect.provide(JetStreamBroker.layer.pipe(Layer.provideMerge(connection)))),
  )
}

const onSimulatedServer = (name: string, seed: number): ReadonlyArray<unknown> => {
  const [major, minor] = versionOf(inject("natsServer"))
  const world = new World(seed)
  const server = new BrokerServer(world, major > 2 || minor >= 12)
  const node = world.node("test")
  const broker = simulatedBroker(new Link(world, server, node), () => undefined)
  const at: Provisioning = {
    addStream: (config) => Effect.sync(() => server.addStream(config)),
    addDurable: (stream, config) => Effect.sync(() => server.addDurable(stream, config)),
    deleteDurable: (stream, durable) => Effect.sync(() => server.deleteDurable(stream, durable)),
  }
  let said: ReadonlyArray<unknown> | undefined
  const script = Effect.scoped(scripts[name]!(at)).pipe(
    Effect.provideService(Broker, broker),
    Effect.tap((transcript) => Effect.sync(() => said = transcript)),
  )
  world.start(node, script, node.context)
  world.run(world.startMs + 60_000, () => said !== undefined)
  if (said === undefined) throw new Error(`the script did not end: ${String(world.defects)}`)
  return said
}

describe("simulated broker", () => {
  it.each(Object.keys(scripts))("is as the real one: %s", async (name) => {
    const transcript = await onRealServer(name)
    for (const seed of [1, 2, 3]) expect(onSimulatedServer(name, seed)).toEqual(transcript)
  })
})
