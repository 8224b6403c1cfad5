/** One contender of the projection bench in a process of its own: projects the backlog once, prints what it took. */
import process from "node:process"
import { type Measured, meter } from "../consume/meter.ts"
import { insertBare } from "./bareInserts.ts"
import type { Contender, Plan } from "./contenders.ts"
import { projectByTipstream } from "./tipstream.ts"

type Project = (plan: Plan, handled: (messages: number) => void, finished: Promise<unknown>) => Promise<void>

const contenders: Readonly<Record<Contender, Project>> = {
  "bare inserts": insertBare,
  "tipstream, one lane": projectByTipstream("stream"),
  "tipstream, 8 partitions": projectByTipstream("partition"),
}

const plan = JSON.parse(process.argv[2]!) as Plan
const { handled, finished } = meter(plan.messages)
await contenders[plan.contender](plan, handled, finished)
const measured: Measured = await finished
console.log(`measured ${JSON.stringify(measured)}`)
process.exit(0)
