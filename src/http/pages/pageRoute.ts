/** A page under its address. Without the store it says so kindly; what else can fail is the edge's to answer. */
import { Effect } from "effect"
import { HttpRouter } from "effect/http"
import type { HttpServerError, HttpServerResponse } from "effect/http"
import type { StoreUnavailable } from "../../../schemas/StoreUnavailable.ts"
import type { Unavailable } from "../problems.ts"
import { errorPage } from "./errorPage.ts"

export const pageRoute = <R>(
  method: "GET" | "POST",
  path: `/${string}`,
  page: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    StoreUnavailable | Unavailable | HttpServerError.HttpServerError,
    R
  >,
) => HttpRouter.route(method, path, Effect.catchTag(page, ["StoreUnavailable", "Unavailable"], () => apology))

const apology = Effect.sync(() =>
  errorPage(503, "One moment", "The store cannot be reached just now. Nothing is lost: try again in a minute.")
)
