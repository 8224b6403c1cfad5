/** `/_sim/`: watching and steering the simulator. Nothing of it exists at Todoist. */
import process from "node:process"
import type { HttpRequest } from "./api.ts"
import { isForeign } from "./foreign.ts"
import { json, type Reply } from "./reply.ts"
import { accountControls } from "./sim/accountControls.ts"
import { faultControls } from "./sim/faultControls.ts"
import { oauthControls } from "./sim/oauthControls.ts"
import { refused, type SimRoute } from "./sim/simRoute.ts"
import { webhookControls } from "./sim/webhookControls.ts"
import type { World } from "./world.ts"

const health: SimRoute = ({ world: { accounts, faults, webhooks } }) =>
  json(200, {
    status: "ok",
    accounts: accounts.byToken.size,
    pools: accounts.pools.map(({ tokenPrefix, count, pristine, changed }) => ({
      tokenPrefix,
      count,
      inMemory: pristine.size + changed.size,
      changed: changed.size,
    })),
    faultsQueued: faults.queue.length,
    webhooksWaiting: webhooks.waiting(),
    rssBytes: process.memoryUsage().rss,
  })

const routes: ReadonlyMap<string, SimRoute> = new Map([
  ["GET /_sim/health", health],
  ["GET /_sim/requests", ({ world }) => json(200, { requests: world.requests })],
  ...accountControls,
  ...faultControls,
  ...oauthControls,
  ...webhookControls,
])

export const answerSim = (world: World, request: HttpRequest): Reply => {
  if (isForeign(request)) return refused(403, "requests from other sites are refused")
  const route = routes.get(`${request.method} ${request.url.pathname}`)
  return route === undefined ? json(404, { error: "not found", routes: [...routes.keys()] }) : route({ world, request })
}
