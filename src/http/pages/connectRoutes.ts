/**
 * Connect, read now, disconnect: each is a message to the user's actor, and its answer a code in the next address. By
 * OAuth the way leads over the tool and back to its own address here.
 */
import { Clock, Effect, Option, Redacted, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Actors } from "../../actors/Actors.ts"
import type { AskError, SyncReport } from "../../actors/Actors.ts"
import { UserSyncStore } from "../../actors/UserSyncStore.ts"
import { Connectors } from "../../connectors/Connector.ts"
import type { ConnectorError, GrantUnsupported } from "../../connectors/Connector.ts"
import type { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import { Provider } from "../../../schemas/Task.ts"
import { addressMaxChars, tokenMaxChars } from "../Api.ts"
import { connectPasted } from "../connecting.ts"
import { HttpSettings } from "../HttpSettings.ts"
import { beginOAuth, finishOAuth } from "../oauth.ts"
import type { AccessDenied, AttemptUnknown, AuthorizeRefused } from "../oauth.ts"
import { saidOf, troubleOf } from "./connectNotices.ts"
import type { Said, Trouble } from "./connectNotices.ts"
import { connectPage, leavingPage } from "./connectPage.ts"
import { errorPage } from "./errorPage.ts"
import { respond, seeOther } from "./page.ts"
import { pageRoute } from "./pageRoute.ts"
import { formFields, forVisitor, queryOf } from "./visitor.ts"
import type { Visitor } from "./visitor.ts"

const providerOf = (text: string | undefined): Provider | undefined =>
  Option.getOrUndefined(Schema.decodeUnknownOption(Provider)(text))

const notOffered = (provider: Provider) => ({ provider, grants: [], canAct: false })

const show = Effect.fnUntraced(function* (visitor: Visitor) {
  const settings = yield* HttpSettings
  const { all, of } = yield* Connectors
  const connections = yield* (yield* UserSyncStore).connections(visitor.owner)
  const offered = all.map((connector) => ({
    connector,
    connection: connections.find(({ provider }) => provider === connector.provider),
  }))
  const left = connections.filter(({ provider, status }) => status !== "disconnected" && of(provider) === undefined)
  return respond(connectPage({
    visitor,
    tools: [...offered, ...left.map((connection) => ({ connector: notOffered(connection.provider), connection }))],
    simulatorUrl: settings.simulator?.url,
    about: providerOf(yield* queryOf("tool")) ?? "todoist",
    said: saidOf(yield* queryOf("said")),
    trouble: troubleOf(yield* queryOf("trouble")),
    nowMs: yield* Clock.currentTimeMillis,
    operatorLink: settings.demo,
  }))
})

const trouble = (tool: Provider, code: Trouble) => seeOther("/connect", { trouble: code, tool })

type ConnectError =
  | Exclude<AskError, { readonly _tag: "StoreUnavailable" }>
  | ConnectorError
  | GrantUnsupported
  | AccessDenied
  | AttemptUnknown
  | AuthorizeRefused

const troubleWith = (error: ConnectError): Trouble => {
  switch (error._tag) {
    case "ConnectionRejected":
      return "rejected"
    case "TokenRejected":
      return "rejected"
    case "GrantUnsupported":
      return "unsupported"
    case "DifferentAccount":
      return "other-account"
    case "AccessDenied":
      return "denied"
    case "AttemptUnknown":
      return "stale"
    case "AuthorizeRefused":
      return refusals[error.reason]
    case "ActorBusy":
      return "busy"
    case "ProviderGone":
      return "gone"
    // What went wrong in a sync of what is connected stands on the page itself, from the store.
    case "SyncFailed":
      return error.code === "Paced" ? "paced" : error.code === "ProviderGone" ? "gone" : "failed"
    case "RateLimited":
    case "ProviderUnavailable":
    case "ProviderRefused":
    case "ScopeMissing":
      return "failed"
  }
}

const refusals = { invalid_scope: "scope", invalid_application_status: "application", unknown: "unfinished" } as const

const handled = [
  "ConnectionRejected",
  "TokenRejected",
  "GrantUnsupported",
  "DifferentAccount",
  "AccessDenied",
  "AttemptUnknown",
  "AuthorizeRefused",
  "ActorBusy",
  "ProviderGone",
  "SyncFailed",
  "RateLimited",
  "ProviderUnavailable",
  "ProviderRefused",
  "ScopeMissing",
] as const satisfies ReadonlyArray<ConnectError["_tag"]>

const told = <R>(
  tool: Provider,
  asked: Effect.Effect<SyncReport, ConnectError | StoreUnavailable, R>,
  said: (report: SyncReport) => Said,
) =>
  asked.pipe(
    Effect.map((report) =>
      report.status === "not-connected" && said(report) === "synced"
        ? trouble(tool, "not-connected")
        : seeOther("/connect", { said: said(report), tool })
    ),
    Effect.catchTag(handled, (error) => Effect.succeed(trouble(tool, troubleWith(error)))),
  )

const connect = (visitor: Visitor, tool: Provider, pasted: string, replaces: boolean) =>
  told(tool, connectPasted(visitor.owner, tool, Redacted.make(pasted, { label: tool }), replaces), () => "connected")

/** The tool that the path names. */
const forTool = <E, R>(
  answer: (visitor: Visitor, tool: Provider) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
) =>
  forVisitor(Effect.fnUntraced(function* (visitor: Visitor) {
    const tool = providerOf((yield* HttpRouter.params)["provider"])
    return tool === undefined ? errorPage(404, "There is nothing here") : yield* answer(visitor, tool)
  }))

const paste = Effect.fnUntraced(function* (visitor: Visitor, tool: Provider) {
  const field = yield* formFields
  const [token, address] = [field("token")?.trim() ?? "", field("address")?.trim() ?? ""]
  const pasted = token === "" ? address : token
  if (pasted === "") return trouble(tool, "missing")
  if (token.length > tokenMaxChars || address.length > addressMaxChars) return trouble(tool, "rejected")
  return yield* connect(visitor, tool, pasted, field("replace") === "1")
})

const connectSimulator = Effect.fnUntraced(function* (visitor: Visitor) {
  const { simulator } = yield* HttpSettings
  return simulator === undefined ? seeOther("/connect") : yield* connect(visitor, "todoist", simulator.token, false)
})

const leave = Effect.fnUntraced(function* (visitor: Visitor, tool: Provider) {
  const field = yield* formFields
  const wish = { mayAct: field("mayAct") === "1", replaces: field("replace") === "1" }
  return yield* beginOAuth(visitor.owner, tool, wish).pipe(
    Effect.map(({ href }) => respond(leavingPage(visitor, tool, href))),
    Effect.catchTag("GrantUnsupported", () => Effect.succeed(trouble(tool, "unsupported"))),
  )
})

const comeBack = Effect.fnUntraced(function* (visitor: Visitor, tool: Provider) {
  const back = yield* Effect.all({ state: queryOf("state"), code: queryOf("code"), error: queryOf("error") })
  const response = yield* told(tool, finishOAuth(visitor.owner, tool, back), () => "connected")
  // The address holds the code.
  return HttpServerResponse.setHeader(response, "referrer-policy", "no-referrer")
})

const syncNow = Effect.fnUntraced(function* ({ owner }: Visitor, tool: Provider) {
  const { ask } = yield* Actors
  return yield* told(tool, ask(owner, { _tag: "SyncNow", provider: tool, reason: "asked" }), () => "synced")
})

const gone = { done: "disconnected-revoked", pending: "disconnected-pending", none: "disconnected" } as const

const disconnect = Effect.fnUntraced(function* ({ owner }: Visitor, tool: Provider) {
  const { ask } = yield* Actors
  return yield* told(
    tool,
    ask(owner, { _tag: "Disconnect", provider: tool }),
    ({ revocation = "none" }) => gone[revocation],
  )
})

export const routes = [
  pageRoute("GET", "/connect", forVisitor(show)),
  pageRoute("POST", "/connect/simulator", forVisitor(connectSimulator)),
  pageRoute("POST", "/connect/:provider", forTool(paste)),
  pageRoute("POST", "/connect/:provider/oauth", forTool(leave)),
  pageRoute("POST", "/connect/:provider/sync", forTool(syncNow)),
  pageRoute("POST", "/connect/:provider/disconnect", forTool(disconnect)),
  pageRoute("GET", "/oauth/:provider/callback", forTool(comeBack)),
]
