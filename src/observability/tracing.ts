/**
 * Traces. Without a collector spans are made and forgotten: their ids still tie a request's log lines, events and
 * answers together, and an incoming `traceparent` is continued (W3C Trace Context).
 */
import { Layer, Tracer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"

export const layer = (options: { readonly otlpEndpoint: string | undefined; readonly version: string }) =>
  options.otlpEndpoint === undefined
    ? Layer.succeed(Tracer.Tracer, Tracer.make({ span: (span) => new Tracer.NativeSpan(span) }))
    : Otlp.layerJson({
      baseUrl: options.otlpEndpoint,
      resource: { serviceName: "tipstream", serviceVersion: options.version },
    }).pipe(Layer.provide(FetchHttpClient.layer))
