/**
 * The pages: rendered here, in full, for any browser and without a script. They ask the same ports as the API and
 * decide nothing themselves.
 */
import { Layer } from "effect"
import { HttpRouter } from "effect/http"
import * as Assets from "./assets.ts"
import * as Connect from "./connectRoutes.ts"
import * as History from "./historyRoutes.ts"
import * as Operator from "./operatorRoutes.ts"
import * as SignIn from "./signInRoutes.ts"
import * as Tip from "./tipRoutes.ts"

export const layer = Layer.merge(
  Assets.layer,
  HttpRouter.addAll([...SignIn.routes, ...Tip.routes, ...Connect.routes, ...History.routes, ...Operator.routes]),
)
