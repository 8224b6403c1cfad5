/** Whether a browser sent this for another site: no page elsewhere may steer the simulator or consent. */
import type { HttpRequest } from "./api.ts"

export const isForeign = ({ headers }: Pick<HttpRequest, "headers">): boolean => {
  const origin = headers["origin"]
  return origin !== undefined && origin !== `http://${headers["host"]}`
}
