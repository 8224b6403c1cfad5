/**
 * Where tools knock. Whoever knocks wrongly is answered like everybody else: 200, at once. What says otherwise is for
 * the operator alone (the metric `webhooks_total`, a line in the log). Only of what is too long to be read, and what
 * could not be remembered, is the sender told.
 */
import { ByteSize, Effect, Option, Schema } from "effect"
import {
  HttpIncomingMessage,
  HttpRouter,
  type HttpServerError,
  HttpServerRequest,
  HttpServerRespondable,
  HttpServerResponse,
} from "effect/http"
import { Provider } from "../../schemas/Task.ts"
import { Webhooks } from "../actors/Webhooks.ts"
import * as Problems from "./problems.ts"

/** What Todoist takes itself; its deliveries are a task each. The signature is over all of it, so it is held whole. */
const bodyMaxBytes = 1_048_576

export const isWebhookPath = (path: string): boolean => path.startsWith("/webhooks/")

const receive = Effect.gen(function* () {
  const { provider: named } = yield* HttpRouter.params
  const provider = Option.getOrUndefined(Schema.decodeUnknownOption(Provider)(named))
  const webhooks = yield* Webhooks
  if (provider === undefined || !webhooks.listensTo(provider)) return yield* new Problems.RouteUnknown()
  const request = yield* HttpServerRequest.HttpServerRequest
  const body = yield* Effect.tapErrorTag(boundedBody(request), "BodyTooLarge", () => webhooks.tooLarge(provider))
  yield* webhooks.receive(provider, request.headers, new Uint8Array(body))
  return HttpServerResponse.empty({ status: 200 })
}).pipe(
  // Not 200: the tool sends it again.
  Effect.catchTag("StoreUnavailable", () => HttpServerRespondable.toResponse(new Problems.Unavailable())),
  Effect.catchTag(["RouteUnknown", "BodyTooLarge"], (problem) => HttpServerRespondable.toResponse(problem)),
)

/** Judged by what is said of its length, and where nothing is said by what comes. */
const boundedBody = Effect.fnUntraced(function* ({ headers, arrayBuffer }: HttpServerRequest.HttpServerRequest) {
  const tooLarge = new Problems.BodyTooLarge({ detail: `at most ${bodyMaxBytes} bytes` })
  if (Number(headers["content-length"] ?? 0) > bodyMaxBytes) return yield* tooLarge
  return yield* arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(bodyMaxBytes)),
    Effect.catchIf(isTooLarge, () => Effect.fail(tooLarge)),
  )
})

const isTooLarge = ({ reason }: HttpServerError.HttpServerError): boolean =>
  reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"

export const layer = HttpRouter.add("POST", "/webhooks/:provider", receive)
