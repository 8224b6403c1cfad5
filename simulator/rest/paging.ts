/** REST pages: a cursor is the position in the list, wrapped so that nobody counts with it. */
import { type ApiError, invalidArgument } from "../apiError.ts"
import { json, type Reply } from "../reply.ts"

type PageSize = { readonly byDefault: number; readonly max: number }

const restPages: PageSize = { byDefault: 50, max: 200 }

/** One page after the cursor, under the key that endpoint uses. */
export const paged = <A>(
  all: ReadonlyArray<A>,
  query: URLSearchParams,
  key: "results" | "items" = "results",
  { byDefault, max }: PageSize = restPages,
): { readonly reply: Reply } | ApiError => {
  const limit = query.get("limit") ?? String(byDefault)
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > max) {
    return invalidArgument("limit", `an integer from 1 to ${max}`)
  }
  const cursor = query.get("cursor")
  const from = cursor === null ? 0 : positionIn(cursor)
  if (from === undefined) return invalidArgument("cursor", "a cursor from an earlier page")
  const to = from + Number(limit)
  return {
    reply: json(200, {
      [key]: all.slice(from, to),
      next_cursor: to < all.length ? Buffer.from(`at:${to}`).toString("base64url") : null,
    }),
  }
}

const positionIn = (cursor: string): number | undefined => {
  const match = /^at:(\d{1,7})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"))
  return match === null ? undefined : Number(match[1])
}
