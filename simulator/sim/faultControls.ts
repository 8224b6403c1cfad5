/** Controls of what calls meet: faults, and the switches. */
import { accountOfToken } from "../accounts.ts"
import { enqueue, type Fault, readFault, readRates, setAccountRates } from "../faults.ts"
import { json } from "../reply.ts"
import { readSwitches, switchTable } from "../switches.ts"
import { refused, type SimRoute, type SimRoutes, unknownKey } from "./simRoute.ts"

const show: SimRoute = ({ world: { faults } }) => json(200, { queue: faults.queue, rates: faults.rates })

/**
 * One fault, an array of them, or `{queue?, rates?}`; with `token` or `userId` beside them the rates are of that
 * account alone. Nothing is taken over unless all of it is right.
 */
const add: SimRoute = (call) => {
  const { world, request: { fields } } = call
  const script = Array.isArray(fields) ? { queue: fields } : "fault" in fields ? { queue: [fields] } : fields
  const unknown = unknownKey(script, ["queue", "rates", "token", "userId"])
  if (unknown !== undefined) return refused(400, unknown)
  const { queue = [], token, userId } = script as Record<string, unknown>
  if (!Array.isArray(queue)) return refused(400, "queue must be an array of faults")
  const added: Array<Fault> = []
  for (const entry of queue) {
    const fault = readFault(entry)
    if (typeof fault === "string") return refused(400, fault)
    added.push(...fault)
  }
  const ofAccount = typeof userId === "string"
    ? userId
    : typeof token === "string"
    ? accountOfToken(world.accounts, token)?.userId
    : null
  if (ofAccount === undefined) return refused(404, "no account has this token")
  const rates = readRates(
    (script as Record<string, unknown>)["rates"] ?? (ofAccount === null ? world.faults.rates : {}),
  )
  if (typeof rates === "string") return refused(400, rates)
  if (!enqueue(world.faults, added)) return refused(400, "the queue of faults is full")
  if (ofAccount === null) world.faults.rates = rates
  else if (!setAccountRates(world.faults, ofAccount, rates)) return refused(400, "too many accounts have rates")
  return show(call)
}

const clear: SimRoute = (call) => {
  const { faults } = call.world
  faults.queue.length = 0
  faults.rates = {}
  faults.accountRates.clear()
  return show(call)
}

const showSwitches: SimRoute = ({ world }) => json(200, { switches: world.switches, table: switchTable })

const setSwitches: SimRoute = (call) => {
  const read = readSwitches(call.request.fields)
  if (typeof read === "string") return refused(400, read)
  Object.assign(call.world.switches, read)
  return json(200, { switches: call.world.switches })
}

export const faultControls: SimRoutes = [
  ["GET /_sim/faults", show],
  ["POST /_sim/faults", add],
  ["DELETE /_sim/faults", clear],
  ["GET /_sim/switches", showSwitches],
  ["POST /_sim/switches", setSwitches],
]
