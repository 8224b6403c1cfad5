/** Controls of webhooks: what was delivered, what shall go wrong, and sending one again. */
import { json } from "../reply.ts"
import { addWebhookFaults } from "../webhooks/webhookFaults.ts"
import { refused, type SimRoute, type SimRoutes } from "./simRoute.ts"

const show: SimRoute = ({ world: { webhooks }, request: { url } }) => {
  const userId = url.searchParams.get("userId")
  const deliveries = webhooks.log.filter((entry) => userId === null || entry.userId === userId)
  return json(200, { deliveries, counts: webhooks.counts, waiting: webhooks.waiting() })
}

const clear: SimRoute = (call) => {
  call.world.webhooks.log.length = 0
  return show(call)
}

const showFaults: SimRoute = ({ world: { webhooks: { faults } } }) =>
  json(200, { queue: faults.queue, rates: faults.rates })

const addFaults: SimRoute = (call) => {
  const wrong = addWebhookFaults(call.world.webhooks.faults, call.request.fields)
  return wrong === undefined ? showFaults(call) : refused(400, wrong)
}

const clearFaults: SimRoute = (call) => {
  const { faults } = call.world.webhooks
  faults.queue.length = 0
  faults.rates = {}
  return showFaults(call)
}

const redeliver: SimRoute = ({ world, request: { fields } }) =>
  world.webhooks.redeliver(String(fields["deliveryId"]))
    ? json(202, { redelivering: true })
    : refused(404, "no delivery of this id is in the log, or its client has no webhook URL")

export const webhookControls: SimRoutes = [
  ["GET /_sim/webhooks", show],
  ["DELETE /_sim/webhooks", clear],
  ["GET /_sim/webhooks/faults", showFaults],
  ["POST /_sim/webhooks/faults", addFaults],
  ["DELETE /_sim/webhooks/faults", clearFaults],
  ["POST /_sim/webhooks/redeliver", redeliver],
]
