/**
 * One request to Todoist with its whole reply, whatever its status: bounded in time and size.
 *
 * Secrets go into the `Authorization` header or the body and nowhere else: headers and bodies are not recorded on
 * spans, errors of the HTTP client stay inside, and redirects are not followed, so that no other host is shown any.
 */
import { Effect, Redacted, Stream } from "effect"
import { FetchHttpClient, HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import { type ConnectorError, ProviderRefused, ProviderUnavailable, TokenRejected } from "../Connector.ts"
import { provider, type RawReply } from "./refusal.ts"

export type Form = Readonly<Record<string, string>>

export interface Call {
  readonly url: string
  /** Sent by POST; a call without one is a GET. */
  readonly form?: Form
  readonly bearer?: Redacted.Redacted<string>
  readonly basic?: { readonly user: string; readonly password: Redacted.Redacted<string> }
}

export interface HttpLimits {
  /** For one request with its whole reply. */
  readonly timeoutMs: number
  /** Of one reply, unpacked. */
  readonly responseMaxBytes: number
}

export type Send = (call: Call) => Effect.Effect<RawReply, ConnectorError>

/** What a header can carry. Anything else would make `fetch` throw, with the token in its message. */
export const sendableToken = /^[\x21-\x7e]{1,512}$/

export const sender = (
  { timeoutMs, responseMaxBytes }: HttpLimits,
): Effect.Effect<Send, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) =>
    Effect.fnUntraced(
      function* (call: Call) {
        if (call.bearer !== undefined && !sendableToken.test(Redacted.value(call.bearer))) {
          return yield* new TokenRejected({ provider, status: null })
        }
        const response = yield* client.execute(toRequest(call))
        const text = yield* boundedText(response.stream, response.status, responseMaxBytes)
        return { status: response.status, headers: response.headers, text }
      },
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
      Effect.catchTag("HttpClientError", () => Effect.fail(unreachable("connection"))),
      Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => Effect.fail(unreachable("timeout")) }),
    ))

const unreachable = (reason: ProviderUnavailable["reason"]) =>
  new ProviderUnavailable({ provider, reason, status: null, retryAfterMs: null })

const toRequest = ({ url, form, bearer, basic }: Call): HttpClientRequest.HttpClientRequest => {
  const method = form === undefined ? HttpClientRequest.get(url) : HttpClientRequest.post(url).pipe(
    HttpClientRequest.bodyText(new URLSearchParams(form).toString(), "application/x-www-form-urlencoded"),
  )
  const request = HttpClientRequest.setHeader(method, "accept", "application/json")
  if (bearer !== undefined) return HttpClientRequest.bearerToken(request, bearer)
  return basic === undefined ? request : HttpClientRequest.basicAuth(request, basic.user, basic.password)
}

const boundedText = (
  body: Stream.Stream<Uint8Array, HttpClientError.HttpClientError>,
  status: number,
  bytesMax: number,
): Effect.Effect<string, HttpClientError.HttpClientError | ConnectorError> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let bytes = 0
    let text = ""
    return Stream.runForEach(body, (chunk) => {
      bytes += chunk.byteLength
      // Sending the request again would bring the same reply, so it counts as refused, not as unavailable.
      if (bytes > bytesMax) return Effect.fail(new ProviderRefused({ provider, status, tag: "response too large" }))
      text += decoder.decode(chunk, { stream: true })
      return Effect.void
    }).pipe(
      // A reply without a body is an empty text: what its status means does not hang on it.
      Effect.catchIf((error) => error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError", () =>
        Effect.void),
      Effect.map(() =>
        text + decoder.decode()
      ),
    )
  })
