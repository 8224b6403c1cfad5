/**
 * Where tools knock. Whoever knocks wrongly is answered like everybody else: 200, at once. What says otherwise is for
 * the operator alone (the metric `webhooks_total`, a line in the log).
 */
import { ByteSize, Effect, Option, Schema } from "effect"
import {
  HttpIncomingMessage,
  HttpRouter,
  HttpServerRequest,
  HttpServerRespondable,
  HttpServerResponse,
} from "effect/http"
import { Provider } from "../../schemas/Task.ts"
import { Webhooks } from "../actors/Webhooks.ts"
import * as Problems from "./problems.ts"

/** What Todoist takes itself; its deliveries are a task each. The signature is over all of it, so it is held whole. */
export const webhookBodyMaxBytes = 1_048_576

export const isWebhookPath = (path: string): boolean => path.startsWith("/webhooks/")

const receive = Effect.gen(function* () {
  const { provider: named } = yield* HttpRouter.params
  const provider = Option.getOrUndefined(Schema.decodeUnknownOption(Provider)(named))
  const webhooks = yield* Webhooks
  if (provider === undefined || !webhooks.listensTo(provider)) return yield* new Problems.RouteUnknown()
  const { headers, arrayBuffer } = yield* HttpServerRequest.HttpServerRequest
  const body = yield* Effect.provideService(
    arrayBuffer,
    HttpIncomingMessage.MaxBodySize,
    ByteSize.bytes(webhookBodyMaxBytes),
  )
  yield* webhooks.receive(provider, headers, new Uint8Array(body))
  return HttpServerResponse.empty({ status: 200 })
}).pipe(
  // Not 200: the tool sends it again.
  Effect.catchTag("StoreUnavailable", () => HttpServerRespondable.toResponse(new Problems.Unavailable())),
  Effect.catchTag("RouteUnknown", (problem) => HttpServerRespondable.toResponse(problem)),
)

export const layer = HttpRouter.add("POST", "/webhooks/:provider", receive)
