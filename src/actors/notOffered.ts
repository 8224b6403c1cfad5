/**
 * A tool that users have connected and this installation no longer offers, because its setting was taken out: all that
 * can be done with it is to leave it. What it is owed stays owed until it is offered again, or forgotten after a day.
 */
import { Effect, Stream } from "effect"
import { GrantUnsupported, ProviderUnavailable } from "../connectors/Connector.ts"
import type { ConnectorShape } from "../connectors/Connector.ts"
import type { Provider } from "../../schemas/Task.ts"

export const notOffered = (provider: Provider): ConnectorShape => {
  const unsupported = Effect.fail(new GrantUnsupported({ provider, detail: "not offered by this installation" }))
  const silent = new ProviderUnavailable({ provider, reason: "connection", status: null, retryAfterMs: null })
  return {
    provider,
    grants: [],
    canAct: false,
    circuit: Effect.succeed({ state: "closed", retryAtMs: null }),
    readWebhook: undefined,
    beginOAuth: () => unsupported,
    finishOAuth: () => unsupported,
    fromToken: () => unsupported,
    refresh: () => unsupported,
    fetchSignals: () => Stream.fail(silent),
    act: () => Effect.fail(silent),
    whereabouts: () => Effect.fail(silent),
    revoke: () => Effect.fail(silent),
  }
}
