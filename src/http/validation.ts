/** What does not decode, as a problem that names each field; never what was in it. */
import { Cause, Effect, ErrorReporter, SchemaIssue } from "effect"
import { HttpServerRespondable } from "effect/http"
import { HttpApiMiddleware } from "effect/http-api"
import type { HttpApiError } from "effect/http-api"
import { Validation } from "./Api.ts"
import * as Problems from "./problems.ts"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** More than a person reads; a body may have thousands of unknown fields. */
const issuesMax = 20

export const layer = HttpApiMiddleware.layerSchemaErrorTransform(Validation, (error) => {
  if (error.kind === "Body" || error.kind === "ResponseHeaders") {
    return Effect.andThen(
      ErrorReporter.report(Cause.fail(error)),
      HttpServerRespondable.toResponse(new Problems.Internal()),
    )
  }
  return Effect.fail(new Problems.InvalidRequest({ errors: problemsOf(error) }))
})

const problemsOf = (error: HttpApiError.HttpApiSchemaError) =>
  issuesOf(error.cause.issue).issues.slice(0, issuesMax).map(({ path, message }) => ({
    path: [error.kind.toLowerCase(), ...(path ?? []).map(segmentOf)],
    // The formatter quotes what it got; that may be a token.
    message: message.replace(/, got [\s\S]*$/, ""),
  }))

const segmentOf = (segment: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof segment === "object" ? segment.key : segment
  return typeof key === "number" ? key : String(key)
}
