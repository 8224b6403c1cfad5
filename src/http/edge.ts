/**
 * Around every request: what is refused before anything runs, what every response carries, and that every failure is
 * answered in a form the client understands.
 */
import { Cause, Clock, Effect, Metric, Option, Tracer } from "effect"
import { HttpServerError, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { HttpSettings } from "./HttpSettings.ts"
import { errorPage } from "./pages/errorPage.ts"
import * as Problems from "./problems.ts"
import { isWebhookPath } from "./webhooks.ts"

const requests = Metric.counter("http_requests_total", { incremental: true, description: "HTTP requests answered" })
const durations = Metric.histogram("http_request_duration_seconds", {
  description: "Time from the first byte of a request to its response",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
})

type Problem =
  | Problems.BodyTooLarge
  | Problems.CrossSite
  | Problems.Internal
  | Problems.InvalidRequest
  | Problems.MediaTypeUnsupported
  | Problems.RouteUnknown

/** Wraps the whole application. */
export const edge = Effect.fnUntraced(
  function* <E, R>(application: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) {
    const request = yield* HttpServerRequest.HttpServerRequest
    const settings = yield* HttpSettings
    const startedAt = yield* Clock.currentTimeNanos
    const refusal = refusalOf(request, settings)
    const response = refusal !== undefined ? yield* answer(request, refusal) : yield* application.pipe(
      Effect.flatMap((response) =>
        isBareUnsupported(response) ? answer(request, new Problems.MediaTypeUnsupported()) : Effect.succeed(response)
      ),
      Effect.catchCause((cause) => answerFailure(request, cause)),
    )
    const seconds = Number((yield* Clock.currentTimeNanos) - startedAt) / 1e9
    const status = { status: `${Math.floor(response.status / 100)}xx` }
    yield* Metric.update(Metric.withAttributes(requests, status), 1)
    yield* Metric.update(durations, seconds)
    const span = yield* Effect.serviceOption(Tracer.ParentSpan)
    return HttpServerResponse.setHeaders(response, {
      "x-content-type-options": "nosniff",
      ...(response.headers["cache-control"] === undefined ? { "cache-control": "no-store" } : {}),
      ...(Option.isSome(span) ? { "x-correlation-id": span.value.traceId } : {}),
    })
  },
)

/** Judged by headers alone, before a byte of the body is read. */
const refusalOf = (
  request: HttpServerRequest.HttpServerRequest,
  settings: HttpSettings["Service"],
): Problem | undefined => {
  // Signed by the tool, and never by a cookie; what is too long is counted where they are taken.
  if (isWebhookPath(pathOf(request))) return undefined
  const { bodyMaxBytes, publicHost } = settings
  if (Number(request.headers["content-length"] ?? 0) > bodyMaxBytes) {
    return new Problems.BodyTooLarge({ detail: `at most ${bodyMaxBytes} bytes` })
  }
  return isUnsafe(request.method) && isCrossSite(request, publicHost) ? new Problems.CrossSite() : undefined
}

const isUnsafe = (method: string): boolean => method !== "GET" && method !== "HEAD" && method !== "OPTIONS"

/**
 * Browsers say where a request comes from (Fetch Metadata; Origin for older ones). A request that says nothing comes
 * from no browser, and carries no cookie it was not given.
 */
const isCrossSite = (
  { headers }: HttpServerRequest.HttpServerRequest,
  publicHost: string | undefined,
): boolean => {
  const site = headers["sec-fetch-site"]
  if (site !== undefined) return site !== "same-origin" && site !== "none"
  const origin = headers["origin"]
  if (origin === undefined) return false
  if (!URL.canParse(origin)) return true
  const { host } = new URL(origin)
  // An origin without a host is nobody's, whatever the settings hold.
  return host === "" || (host !== headers["host"] && host !== publicHost)
}

/** The API builder answers a body of another kind in plain text. */
const isBareUnsupported = (response: HttpServerResponse.HttpServerResponse): boolean =>
  response.status === 415 && !(response.headers["content-type"] ?? "").includes("problem")

const answerFailure = Effect.fnUntraced(function* <E>(
  request: HttpServerRequest.HttpServerRequest,
  cause: Cause.Cause<E>,
) {
  // The client went away, or the service stops: the server below knows what to do.
  if (Cause.hasInterruptsOnly(cause)) return yield* Effect.interrupt
  const failure = Cause.squash(cause)
  if (HttpServerError.isHttpServerError(failure)) {
    const { reason } = failure
    if (reason._tag === "RouteNotFound") return yield* answer(request, new Problems.RouteUnknown())
    if (reason._tag === "RequestParseError") {
      return yield* answer(
        request,
        reason.reason === "BodyTooLarge" ? new Problems.BodyTooLarge() : new Problems.InvalidRequest(),
      )
    }
  }
  if (HttpServerRespondable.isRespondable(failure)) return yield* HttpServerRespondable.toResponse(failure)
  yield* Effect.logError(`${request.method} ${pathOf(request)} failed`, cause)
  return yield* answer(request, new Problems.Internal())
})

/** A page for people, a problem document for programs. */
const answer = (request: HttpServerRequest.HttpServerRequest, problem: Problem) =>
  wantsPage(request)
    ? Effect.succeed(errorPage(problem.status, problem.title, problem.detail))
    : HttpServerRespondable.toResponse(problem)

const wantsPage = (request: HttpServerRequest.HttpServerRequest): boolean =>
  !pathOf(request).startsWith("/v1/") && (request.headers["accept"] ?? "").includes("text/html")

/** Without the query, which may hold what belongs in no log. */
const pathOf = (request: HttpServerRequest.HttpServerRequest): string => request.url.split("?")[0]!
