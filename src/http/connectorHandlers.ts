/** Tools: connect, sync now, disconnect. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Actors } from "../actors/Actors.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import { Connectors } from "../connectors/Connector.ts"
import { askProblem, connectorBody, connectProblem, instantOf, unavailable } from "./answers.ts"
import { Api, CurrentUser } from "./Api.ts"
import { connectPasted } from "./connecting.ts"
import { beginOAuth } from "./oauth.ts"
import * as Problems from "./problems.ts"

export const connectorHandlers = HttpApiBuilder.group(Api, "connectors", (handlers) =>
  handlers.handleAll({
    list: Effect.fnUntraced(function* () {
      const { connections } = yield* UserSyncStore
      const { all } = yield* Connectors
      return {
        connectors: (yield* Effect.mapError(connections(yield* CurrentUser), unavailable)).map(connectorBody),
        available: all.map(({ provider, grants, canAct }) => ({ provider, grants, canAct })),
      }
    }),
    connect: Effect.fnUntraced(function* ({ params: { provider }, payload }) {
      const owner = yield* CurrentUser
      const { token, address, mayAct = false, replace: replaces = false } = payload
      const pasted = token ?? address
      if (pasted === undefined) {
        const begun = beginOAuth(owner, provider, { mayAct, replaces })
        return { authorizeUrl: (yield* Effect.mapError(begun, connectProblem)).href }
      }
      const connecting = connectPasted(owner, provider, pasted, replaces)
      const report = yield* Effect.mapError(connecting, connectProblem)
      return { status: "connected" as const, tasks: report.changes }
    }),
    sync: Effect.fnUntraced(function* ({ params: { provider } }) {
      const { ask } = yield* Actors
      const report = yield* Effect.mapError(
        ask(yield* CurrentUser, { _tag: "SyncNow", provider, reason: "asked" }),
        askProblem,
      )
      if (report.syncedAtMs === null) return yield* new Problems.NotConnected()
      return { changes: report.changes, syncedAt: instantOf(report.syncedAtMs) }
    }),
    disconnect: Effect.fnUntraced(function* ({ params: { provider } }) {
      const { ask } = yield* Actors
      const { revocation = "none" } = yield* Effect.mapError(
        ask(yield* CurrentUser, { _tag: "Disconnect", provider }),
        askProblem,
      )
      return { status: "disconnected" as const, revocation }
    }),
  }))
