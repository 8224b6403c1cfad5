/**
 * Traces. Without a collector spans are made and forgotten: their ids still tie a request's log lines, events and
 * answers together, and an incoming `traceparent` is continued (W3C Trace Context).
 */
import { ConfigProvider, Layer, Tracer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"

export const layer = (options: { readonly otlpEndpoint: string | undefined; readonly version: string }) =>
  options.otlpEndpoint === undefined
    ? Layer.succeed(Tracer.Tracer, Tracer.make({ span: (span) => new Tracer.NativeSpan(span) }))
    : Otlp.layerJson({
      baseUrl: options.otlpEndpoint,
      resource: { serviceName: "tipstream", serviceVersion: options.version },
      // Beside the lines on the terminal, not in their place.
      loggerMergeWithExisting: true,
    }).pipe(
      Layer.provide(FetchHttpClient.layer),
      // The exporter would read the whole environment for settings of its own; ours are in src/config.ts.
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({}))),
    )
