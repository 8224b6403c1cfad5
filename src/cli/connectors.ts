/** The tools this installation speaks with. */
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import type { Config } from "../config.ts"
import { Connectors } from "../connectors/Connector.ts"
import type { ConnectorShape } from "../connectors/Connector.ts"
import * as IcalConnector from "../connectors/ical/IcalConnector.ts"
import * as TodoistConnector from "../connectors/todoist/TodoistConnector.ts"
import type { TodoistAddresses } from "./todoistAddresses.ts"

export interface ConnectorsOptions {
  readonly config: Config
  readonly todoist: TodoistAddresses
}

export const layer = ({ config, todoist }: ConnectorsOptions) =>
  Layer.effect(
    Connectors,
    Effect.gen(function* () {
      const all: ReadonlyArray<ConnectorShape> = [
        yield* TodoistConnector.make({ ...todoist, timeoutMs: config.todoistTimeoutMs }),
        ...(config.icalHosts.length === 0
          ? []
          : [yield* IcalConnector.make({ hosts: config.icalHosts, allowLoopback: false })]),
      ]
      const byProvider = new Map(all.map((connector) => [connector.provider, connector]))
      return Connectors.of({ all, of: (provider) => byProvider.get(provider) })
    }),
  ).pipe(Layer.provide(FetchHttpClient.layer))
