/** In and out. */
import { Effect } from "effect"
import { HttpServerRequest } from "effect/http"
import { endSession, isLoopbackHost, signInDemo } from "../authentication.ts"
import { HttpSettings } from "../HttpSettings.ts"
import { errorPage } from "./errorPage.ts"
import { respond, seeOther } from "./page.ts"
import { pageRoute } from "./pageRoute.ts"
import { signInPage } from "./signInPage.ts"
import { currentVisitor } from "./visitor.ts"

const arrive = Effect.gen(function* () {
  if ((yield* currentVisitor) !== undefined) return seeOther("/tip")
  const { demo } = yield* HttpSettings
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  return respond(signInPage(!demo ? "none" : isLoopbackHost(headers["host"]) ? "demo" : "demo elsewhere"))
})

const signIn = signInDemo.pipe(
  Effect.as(seeOther("/tip")),
  Effect.catchTag("DemoOnly", ({ status, title }) => Effect.succeed(errorPage(status, "Not from here", title))),
)

export const routes = [
  pageRoute("GET", "/", arrive),
  pageRoute("POST", "/sign-in", signIn),
  pageRoute("POST", "/sign-out", Effect.as(endSession, seeOther("/"))),
]
