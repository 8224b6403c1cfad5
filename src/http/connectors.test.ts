import { Context, Effect, Layer, Redacted } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { Actors, ConnectionRejected, SyncFailed } from "../actors/Actors.ts"
import type { AskError, SyncReport } from "../actors/Actors.ts"
import { UserSyncStore } from "../actors/UserSyncStore.ts"
import type { Connection } from "../actors/UserSyncStore.ts"
import { Connectors, GrantUnsupported, TokenRejected } from "../connectors/Connector.ts"
import type { ConnectorShape } from "../connectors/Connector.ts"
import { OAuthAttempts } from "../connectors/OAuthAttempts.ts"
import { TokenVault } from "../connectors/TokenVault.ts"
import { defaultTenant, UserId } from "../../schemas/ids.ts"
import { Api, CurrentUser, SignedIn, Validation } from "./Api.ts"
import { connectorHandlers } from "./connectorHandlers.ts"
import { HttpSettings } from "./HttpSettings.ts"
import { attemptsOf, connectionOf, connectorOf, connectorsOf, plainVault } from "./pages/pages.fixture.ts"
import * as Validations from "./validation.ts"

const owner = { tenantId: defaultTenant, userId: UserId.make("u1") }

const layerSignedIn = Layer.succeed(SignedIn, {
  session: (httpEffect) => Effect.provideService(httpEffect, CurrentUser, owner),
})

const { handler } = HttpRouter.toWebHandler(
  HttpApiBuilder.layer(HttpApi.make("tipstream").add(Api.groups.connectors).middleware(Validation)).pipe(
    Layer.provide(connectorHandlers),
    Layer.provide([layerSignedIn, Validations.layer]),
    Layer.provide(HttpServer.layerServices),
  ),
  { disableLogger: true },
)

interface Scene {
  readonly connectors?: ReadonlyArray<ConnectorShape>
  readonly connections?: ReadonlyArray<Connection>
  readonly askError?: AskError
  readonly report?: Partial<SyncReport>
  readonly openTasks?: number
}

const api = (given: Scene = {}) => {
  const store: Partial<UserSyncStore["Service"]> = {
    connections: () => Effect.succeed(given.connections ?? []),
    load: (_, provider) => Effect.succeed(given.connections?.find((one) => one.provider === provider)),
    tasks: () =>
      Effect.succeed(new Map(Array.from({ length: given.openTasks ?? 0 }, (_, at) => [`${at}`, {} as never]))),
  }
  const context = Context.make(UserSyncStore, store as UserSyncStore["Service"]).pipe(
    Context.add(Connectors, connectorsOf(...(given.connectors ?? [connectorOf()]))),
    Context.add(TokenVault, plainVault),
    Context.add(OAuthAttempts, attemptsOf()),
    Context.add(HttpSettings, {} as HttpSettings["Service"]),
    Context.add(Actors, {
      ask: () =>
        given.askError === undefined
          ? Effect.succeed({ status: "synced", changes: 0, syncedAtMs: 1, lastEventId: null, ...given.report })
          : Effect.fail(given.askError),
      snapshot: Effect.succeed([]),
      drain: Effect.void,
    }),
  )
  return async (method: string, path: string, body?: unknown) => {
    const response = await handler(
      new Request(`http://127.0.0.1${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      }),
      context,
    )
    return { status: response.status, body: await response.json() }
  }
}

const calendar = connectorOf({
  provider: "ical",
  grants: ["address"],
  canAct: false,
  hosts: ["calendar.google.com", "*.icloud.com"],
  fromToken: (text) =>
    Redacted.value(text).startsWith("https://")
      ? Effect.fail(new GrantUnsupported({ provider: "ical", detail: "calendars of this host are not offered here" }))
      : Effect.fail(new TokenRejected({ provider: "ical", status: null })),
})

describe("what a connection may do", () => {
  const connector = connectorOf({ grants: ["oauth"], actScope: "data:read_write" })
  const canActOf = async (connection: Partial<Connection>, connectors = [connector]) => {
    const { body } = await api({ connectors, connections: [connectionOf(connection)] })("GET", "/v1/connectors")
    return body.connectors[0].canAct
  }

  it("is what the tool allows and the user granted", async () => {
    expect(await canActOf({ scopes: ["data:read_write"] })).toBe(true)
    expect(await canActOf({ scopes: null })).toBe(true)
    expect(await canActOf({ scopes: ["data:read"] })).toBe(false)
    expect(await canActOf({ scopes: null, status: "disconnected" })).toBe(false)
    expect(await canActOf({ provider: "ical", scopes: null }, [calendar])).toBe(false)
  })

  it("is nothing for a tool that is no longer offered", async () => {
    expect(await canActOf({ provider: "ical", scopes: null })).toBe(false)
  })

  it("is told beside what the tool could do at most, and which hosts it may be of", async () => {
    const { body } = await api({ connectors: [connector, calendar] })("GET", "/v1/connectors")
    expect(body.available).toEqual([
      { provider: "todoist", grants: ["oauth"], canAct: true },
      { provider: "ical", grants: ["address"], canAct: false, hosts: ["calendar.google.com", "*.icloud.com"] },
    ])
  })
})

describe("a tool that is connected", () => {
  it("answers how many open tasks are known of it, also when nothing was new", async () => {
    const connected = await api({ openTasks: 5, report: { changes: 0 } })("POST", "/v1/connectors/todoist", {
      token: "t",
    })
    expect(connected).toEqual({ status: 200, body: { status: "connected", tasks: 5 } })
  })

  it("whose access was ended is said to need connecting again, not to be unknown", async () => {
    const report = { status: "not-connected", syncedAtMs: null } as const
    const sync = (connections: ReadonlyArray<Connection>) =>
      api({ report, connections })("POST", "/v1/connectors/todoist/sync")
    expect((await sync([connectionOf({ status: "needs-reconnect" })])).body)
      .toMatchObject({ code: "NOT_CONNECTED", detail: expect.stringContaining("connect it again") })
    expect((await sync([])).body).not.toHaveProperty("detail")
  })
})

describe("what a calendar answers to an address", () => {
  const connect = (address: string, askError?: AskError) => {
    const connectors = [askError === undefined ? calendar : connectorOf({ provider: "ical", grants: ["address"] })]
    return api({ connectors, ...(askError === undefined ? {} : { askError }) })("POST", "/v1/connectors/ical", {
      address,
    })
  }
  const expected = "expected an https address at one of calendar.google.com, *.icloud.com"

  it("that is none says what is wanted, and speaks of no token", async () => {
    for (const address of ["http://calendar.google.com/x", "nonsense"]) {
      const { status, body } = await connect(address)
      expect([address, status, body.code, body.detail]).toEqual([address, 422, "ADDRESS_REJECTED", expected])
      expect(JSON.stringify(body)).not.toContain("token")
    }
  })

  it("of another host says which hosts are offered", async () => {
    expect((await connect("https://evil.example/x")).body).toMatchObject({
      code: "GRANT_UNSUPPORTED",
      detail: `calendars of this host are not offered here; ${expected}`,
    })
  })

  it("that its host does not know is no matter of a token either", async () => {
    const { status, body } = await connect(
      "https://calendar.google.com/x",
      new ConnectionRejected({ provider: "ical" }),
    )
    expect([status, body.code]).toEqual([422, "ADDRESS_REJECTED"])
  })

  it("whose host is not reached says whether anything was kept", async () => {
    const failing = (retryAtMs: number | null) =>
      connect(
        "https://calendar.google.com/x",
        new SyncFailed({ problem: "down", code: "ProviderUnavailable", retryAtMs }),
      )
    expect((await failing(null)).body)
      .toMatchObject({ code: "TOOL_UNAVAILABLE", detail: "down; nothing was stored: try again" })
    expect((await failing(5)).body).toMatchObject({ detail: "down; it is tried again by itself" })
  })

  it("is still TOKEN_REJECTED where it is a token that was pasted", async () => {
    const rejected = new ConnectionRejected({ provider: "todoist" })
    const { body } = await api({ askError: rejected })("POST", "/v1/connectors/todoist", { token: "t" })
    expect(body).toMatchObject({ code: "TOKEN_REJECTED" })
  })
})
