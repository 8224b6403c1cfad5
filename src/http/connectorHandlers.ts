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
      const { all, of } = yield* Connectors
      const known = yield* Effect.mapError(connections(yield* CurrentUser), unavailable)
      return {
        connectors: known.map((connection) => connectorBody(connection, of(connection.provider))),
        available: all.map(({ provider, grants, canAct, hosts }) => ({
          provider,
          grants,
          canAct,
          ...(hosts === undefined ? {} : { hosts }),
        })),
      }
    }),
    connect: Effect.fnUntraced(function* ({ params: { provider }, payload }) {
      const owner = yield* CurrentUser
      const { token, address, mayAct = false, replace: replaces = false } = payload
      const pasted = token ?? address
      const problem = connectProblem((yield* Connectors).of(provider))
      if (pasted === undefined) {
        const begun = beginOAuth(owner, provider, { mayAct, replaces })
        return { authorizeUrl: (yield* Effect.mapError(begun, problem)).href }
      }
      const connecting = connectPasted(owner, provider, pasted, replaces)
      yield* Effect.mapError(connecting, problem)
      const { tasks } = yield* UserSyncStore
      const known = yield* Effect.mapError(tasks(owner, provider, undefined), unavailable)
      return { status: "connected" as const, tasks: known.size }
    }),
    sync: Effect.fnUntraced(function* ({ params: { provider } }) {
      const { ask } = yield* Actors
      const { load } = yield* UserSyncStore
      const owner = yield* CurrentUser
      const report = yield* Effect.mapError(ask(owner, { _tag: "SyncNow", provider, reason: "asked" }), askProblem)
      if (report.syncedAtMs === null) {
        const connection = yield* Effect.mapError(load(owner, provider), unavailable)
        const detail = "it was, and the access was ended there: connect it again"
        return yield* new Problems.NotConnected(connection?.status === "needs-reconnect" ? { detail } : {})
      }
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
