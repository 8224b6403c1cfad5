/** One contender of the consumer bench in a process of its own: consumes the backlog once and prints what it took. */
import process from "node:process"
import { type ConsumerInfo, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import type { Consume, Contender, Durable, Plan } from "./contenders.ts"
import { type Measured, meter } from "./meter.ts"
import { consumeAsMoleculer } from "./moleculer.ts"
import { consumeRaw, openEvent } from "./raw.ts"
import { consumeAsTipstream } from "./tipstream.ts"

const contenders: Readonly<Record<Contender, Consume>> = {
  "raw": consumeRaw("stream", () => {}),
  "raw, 8 durables": consumeRaw("partition", () => {}),
  "raw, events opened": consumeRaw("stream", openEvent),
  "tipstream, one lane": consumeAsTipstream("stream"),
  "tipstream, 8 partitions": consumeAsTipstream("partition"),
  "moleculer": consumeAsMoleculer,
}

const plan = JSON.parse(process.argv[2]!) as Plan
const { handled, finished } = meter(plan.messages)
const durables = await contenders[plan.contender](plan, handled, finished)
const measured: Measured = await finished
await verify(durables)
console.log(`measured ${JSON.stringify(measured)}`)
process.exit(0)

/** A figure counts only when every message was delivered once and acknowledged. */
async function verify(durables: ReadonlyArray<Durable>): Promise<void> {
  const connection = await connect({ servers: plan.url })
  const manager = await jetstreamManager(connection)
  const infos: Array<ConsumerInfo> = []
  for (const one of durables) infos.push(await manager.consumers.info(one.stream, one.name))
  const sum = (of: (info: ConsumerInfo) => number) => infos.reduce((total, info) => total + of(info), 0)
  const delivered = sum(({ delivered }) => delivered.consumer_seq)
  const open = sum(({ num_ack_pending, num_pending }) => num_ack_pending + num_pending)
  if (delivered !== plan.messages || open !== 0) {
    throw new Error(`${plan.contender}: ${delivered} deliveries of ${plan.messages} messages, ${open} not acknowledged`)
  }
  await connection.close()
}
