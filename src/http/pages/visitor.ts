/** Who looks at a page, and what the pages ask of a request. */
import { Effect, Option, Schema } from "effect"
import { HttpServerRequest, UrlParams } from "effect/http"
import type { HttpServerResponse } from "effect/http"
import { DecisionId } from "../../../schemas/ids.ts"
import type { Owner } from "../../../schemas/ids.ts"
import { isTimeZone } from "../../../schemas/localTime.ts"
import { Accounts } from "../../identity/Accounts.ts"
import { currentOwner } from "../authentication.ts"
import { seeOther } from "./page.ts"

export interface Visitor {
  readonly owner: Owner
  readonly name: string
  /** Always a zone that this runtime knows. */
  readonly zone: string
}

/** Undefined when nobody is signed in, or when the session outlived its account. */
export const currentVisitor = Effect.gen(function* () {
  const owner = yield* currentOwner
  if (owner === undefined) return undefined
  const profile = yield* (yield* Accounts).profile(owner)
  if (profile === undefined) return undefined
  const visitor: Visitor = {
    owner,
    name: profile.displayName,
    zone: isTimeZone(profile.timeZone) ? profile.timeZone : "UTC",
  }
  return visitor
})

/** Sends whoever is not signed in to where they can. */
export const forVisitor = <E, R>(
  answer: (visitor: Visitor) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
) =>
  Effect.flatMap(currentVisitor, (visitor) => visitor === undefined ? Effect.succeed(seeOther("/")) : answer(visitor))

/** A parameter of the query; the first one of several. */
export const queryOf = (name: string) =>
  Effect.map(HttpServerRequest.ParsedSearchParams, (params): string | undefined => {
    const value = params[name]
    return typeof value === "object" ? value[0] : value
  })

/** The fields of a posted form. */
export const formFields = Effect.map(
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => request.urlParamsBody),
  (params) => (name: string): string | undefined => Option.getOrUndefined(UrlParams.getFirst(params, name)),
)

export const decisionIdOf = (text: string | undefined): DecisionId | undefined =>
  Option.getOrUndefined(Schema.decodeUnknownOption(DecisionId)(text))

/** A whole number as forms and addresses hold it, in milliseconds since the epoch. */
export const instantOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
