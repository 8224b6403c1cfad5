/** Connect, read now, disconnect: each is a message to the user's actor, and its answer a code in the next address. */
import { Clock, Effect, Redacted } from "effect"
import { Actors } from "../../actors/Actors.ts"
import type { AskError, SyncReport, UserMessage } from "../../actors/Actors.ts"
import { UserSyncStore } from "../../actors/UserSyncStore.ts"
import type { GrantUnsupported, TokenRejected } from "../../connectors/Connector.ts"
import type { Owner } from "../../../schemas/ids.ts"
import { connectPasted } from "../connecting.ts"
import { HttpSettings } from "../HttpSettings.ts"
import { connectPage, saidOf, troubleOf } from "./connectPage.ts"
import type { Said, Trouble } from "./connectPage.ts"
import { respond, seeOther } from "./page.ts"
import { pageRoute } from "./pageRoute.ts"
import { formFields, forVisitor, queryOf } from "./visitor.ts"
import type { Visitor } from "./visitor.ts"

/** As the API takes it. */
const tokenMaxChars = 500

const show = Effect.fnUntraced(function* (visitor: Visitor) {
  const settings = yield* HttpSettings
  const connections = yield* (yield* UserSyncStore).connections(visitor.owner)
  return respond(connectPage({
    visitor,
    connection: connections.find(({ provider }) => provider === "todoist"),
    simulatorUrl: settings.simulator?.url,
    said: saidOf(yield* queryOf("said")),
    trouble: troubleOf(yield* queryOf("trouble")),
    nowMs: yield* Clock.currentTimeMillis,
    operatorLink: settings.demo,
  }))
})

const trouble = (code: Trouble) => seeOther("/connect", { trouble: code })

type ConnectError = AskError | GrantUnsupported | TokenRejected

const troubles: Readonly<Record<Exclude<ConnectError["_tag"], "StoreUnavailable">, Trouble>> = {
  ConnectionRejected: "rejected",
  TokenRejected: "rejected",
  GrantUnsupported: "unsupported",
  DifferentAccount: "other-account",
  // What went wrong in a sync of what is connected stands on the page itself, from the store.
  SyncFailed: "failed",
  ActorBusy: "busy",
}

const told = <R>(asked: Effect.Effect<SyncReport, ConnectError, R>, said: Said) =>
  asked.pipe(
    Effect.map(({ status }) => status === "not-connected" ? trouble("not-connected") : seeOther("/connect", { said })),
    Effect.catchTag(
      ["ConnectionRejected", "TokenRejected", "GrantUnsupported", "DifferentAccount", "SyncFailed", "ActorBusy"],
      ({ _tag }) => Effect.succeed(trouble(troubles[_tag])),
    ),
  )

const ask = Effect.fnUntraced(function* (owner: Owner, message: UserMessage, said: Said) {
  const actors = yield* Actors
  return yield* told(actors.ask(owner, message), said)
})

const connect = (owner: Owner, token: string) =>
  told(connectPasted(owner, "todoist", Redacted.make(token, { label: "todoist token" }), false), "connected")

const connectToken = Effect.fnUntraced(function* ({ owner }: Visitor) {
  const token = ((yield* formFields)("token") ?? "").trim()
  if (token === "") return trouble("missing")
  return token.length > tokenMaxChars ? trouble("rejected") : yield* connect(owner, token)
})

const connectSimulator = Effect.fnUntraced(function* ({ owner }: Visitor) {
  const { simulator } = yield* HttpSettings
  return simulator === undefined ? seeOther("/connect") : yield* connect(owner, simulator.token)
})

const syncNow = ({ owner }: Visitor) => ask(owner, { _tag: "SyncNow", provider: "todoist", reason: "asked" }, "synced")

const disconnect = ({ owner }: Visitor) => ask(owner, { _tag: "Disconnect", provider: "todoist" }, "disconnected")

export const routes = [
  pageRoute("GET", "/connect", forVisitor(show)),
  pageRoute("POST", "/connect/simulator", forVisitor(connectSimulator)),
  pageRoute("POST", "/connect/todoist", forVisitor(connectToken)),
  pageRoute("POST", "/connect/todoist/sync", forVisitor(syncNow)),
  pageRoute("POST", "/connect/todoist/disconnect", forVisitor(disconnect)),
]
