/**
 * @moleculer/channels with its NATS adapter: durable, acknowledged delivery with retries and dead letters, over a push
 * consumer. It parses JSON, one message at a time, where ours reads protobuf and checks the owner.
 */
import { createRequire } from "node:module"
import path from "node:path"
import { batchMax, type Consume } from "./contenders.ts"
import { peerStream, peerSubject } from "./backlog.ts"

interface ServiceBroker {
  readonly createService: (schema: object) => unknown
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

interface Moleculer {
  readonly ServiceBroker: new (options: object) => ServiceBroker
}

export const consumeAsMoleculer: Consume = async (plan, handled, finished) => {
  const required = createRequire(path.join(plan.peerFolder, "package.json"))
  const { ServiceBroker } = required("moleculer") as Moleculer
  const channels = required("@moleculer/channels") as { readonly Middleware: (options: object) => object }
  const nats = {
    streamConfig: { name: peerStream, subjects: [peerSubject] },
    consumerOptions: { config: { deliver_policy: "all" } },
  }
  const adapter = { type: "NATS", options: { nats: { ...nats, connectionOptions: { servers: [plan.url] } } } }
  const broker = new ServiceBroker({ logger: false, middlewares: [channels.Middleware({ adapter })] })
  broker.createService({
    name: "bench",
    channels: {
      [peerSubject]: { group: plan.run, maxInFlight: 2 * batchMax, nats, handler: async () => handled(1) },
    },
  })
  await broker.start()
  await finished
  await broker.stop()
  return [{ stream: peerStream, name: plan.run }]
}
