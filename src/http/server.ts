/** The HTTP server: API, pages, metrics and the OpenAPI document behind one edge. */
import { createServer } from "node:http"
import { ByteSize, Effect, Layer, Schema } from "effect"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { HttpIncomingMessage, HttpRouter, HttpServer, UrlParams } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { PrometheusMetrics } from "effect/observability"
import { Api } from "./Api.ts"
import { layerOperator, layerSignedIn } from "./authentication.ts"
import { edge } from "./edge.ts"
import * as Handlers from "./handlers.ts"
import { HttpSettings } from "./HttpSettings.ts"
import * as Pages from "./pages/pages.ts"
import * as Validation from "./validation.ts"
import * as Webhooks from "./webhooks.ts"

const routes = Layer.mergeAll(
  HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
    Layer.provide(Handlers.layer),
    Layer.provide([layerSignedIn, layerOperator, Validation.layer]),
  ),
  PrometheusMetrics.layerHttp({ path: "/metrics", prefix: "tipstream" }),
  Pages.layer,
  Webhooks.layer,
)

/** No span holds a value of a query: the way back from a tool carries a code and a state there. */
const everyName = [/^/]

/** Serves until its scope closes; then running requests finish. */
export const layer = Layer.effectDiscard(Effect.gen(function* () {
  const settings = yield* HttpSettings
  const application = yield* HttpRouter.toHttpEffect(routes)
  yield* HttpServer.serveEffect(
    edge(application).pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(settings.bodyMaxBytes)),
    ),
  ).pipe(Effect.provideService(UrlParams.CurrentRedactedNames, everyName))
}))

/** The address cannot be listened on. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  host: Schema.String,
  port: Schema.Int,
  code: Schema.String,
}) {
  override get message() {
    const where = `${this.host}:${this.port}`
    if (this.code === "EADDRINUSE") {
      return `port ${this.port} is in use: stop what listens on ${where}, or set PORT to another`
    }
    if (this.code === "EACCES") return `no permission to listen on ${where}: set PORT to one above 1023`
    return `cannot listen on ${where} (${this.code}): check HOST and PORT`
  }
}

export const layerListener = (options: { readonly host: string; readonly port: number; readonly graceMs: number }) =>
  NodeHttpServer.layer(createServer, {
    host: options.host,
    port: options.port,
    gracefulShutdownTimeout: options.graceMs,
  }).pipe(Layer.catchTag("ServeError", (error) => {
    const { code = "unknown" } = (error.cause ?? {}) as { code?: string }
    return Layer.effectContext(new ListenFailed({ host: options.host, port: options.port, code }))
  }))
