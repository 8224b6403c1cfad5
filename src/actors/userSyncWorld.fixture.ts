/** Anna's actor over a played tool and store, at a known time. */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Connectors } from "../connectors/Connector.ts"
import type { Credential } from "../connectors/Credential.ts"
import { Actors } from "./Actors.ts"
import type { UserMessage } from "./Actors.ts"
import { anna, credentialOf, layerOf, sealed, Store, token, Tool } from "./userSync.fixture.ts"

export const startMs = 1_781_078_400_000
export const disconnect: UserMessage = { _tag: "Disconnect", provider: "todoist" }
export const syncNow: UserMessage = { _tag: "SyncNow", provider: null, reason: "asked" }

export interface World {
  readonly store: Store
  readonly tool: Tool
  readonly ask: (message: UserMessage) => ReturnType<Actors["Service"]["ask"]>
  readonly connect: (credential?: Credential, replaces?: boolean) => ReturnType<Actors["Service"]["ask"]>
}

export const world = <A, E>(body: (world: World) => Effect.Effect<A, E, Connectors>) => () => {
  const [store, tool] = [new Store(), new Tool()]
  return Actors.use((actors) => {
    const ask: World["ask"] = (message) => actors.ask(anna, message)
    const connect: World["connect"] = (credential = credentialOf(token), replaces = false) =>
      Effect.flatMap(
        sealed(credential),
        (bytes) => ask({ _tag: "Connect", provider: "todoist", sealed: bytes, replaces }),
      )
    return Effect.andThen(TestClock.setTime(startMs), body({ store, tool, ask, connect }))
  }).pipe(Effect.provide(layerOf(store, tool)))
}

export const typesOf = (store: Store) => store.events.map((event) => event.type)
export const connection = (store: Store) => store.row().connection!
