/** Past tips, a page at a time. */
import { Clock, Effect } from "effect"
import { Decisions } from "../../recommender/Decisions.ts"
import { newUuid } from "../../../schemas/uuid.ts"
import { HttpSettings } from "../HttpSettings.ts"
import { historyPage } from "./historyPage.ts"
import { answeredBar } from "./answeredBar.ts"
import { onlyReadTools } from "./onlyRead.ts"
import { respond } from "./page.ts"
import { pageRoute } from "./pageRoute.ts"
import { forVisitor, instantOf, queryOf } from "./visitor.ts"
import type { Visitor } from "./visitor.ts"

/** About three screens of a phone. */
const pageSize = 20

const show = Effect.fnUntraced(function* (visitor: Visitor) {
  const { demo } = yield* HttpSettings
  const decisions = yield* Decisions
  const nowMs = yield* Clock.currentTimeMillis
  const key = yield* newUuid
  const beforeMs = instantOf(yield* queryOf("before"))
  const past = yield* decisions.history(visitor.owner, beforeMs ?? nowMs + 1, pageSize)
  return respond(historyPage({
    visitor,
    past,
    olderMs: past.length < pageSize ? undefined : past.at(-1)!.servedAtMs,
    isFirst: beforeMs === undefined,
    bar: yield* answeredBar(visitor.owner, key),
    onlyRead: yield* onlyReadTools(visitor.owner),
    key,
    nowMs,
    operatorLink: demo,
  }))
})

export const routes = [pageRoute("GET", "/history", forVisitor(show))]
