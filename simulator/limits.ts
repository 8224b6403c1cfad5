/**
 * Todoist's published limits, as two sliding windows per user.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Request-limits
 */
export type Limits = { readonly partialMax: number; readonly fullMax: number; readonly windowMs: number }

export const publishedLimits: Limits = { partialMax: 1_000, fullMax: 100, windowMs: 15 * 60_000 }

/** Instants of admitted calls, oldest first; never longer than the limit. */
export type Windows = { readonly partial: Array<number>; readonly full: Array<number> }

export const emptyWindows = (): Windows => ({ partial: [], full: [] })

/** Counts the call and answers 0, or refuses it and answers the whole seconds until one would be admitted. */
export const admit = (windows: Windows, limits: Limits, kind: "partial" | "full", nowMs: number): number => {
  const window = windows[kind]
  const max = kind === "full" ? limits.fullMax : limits.partialMax
  while (window[0] !== undefined && window[0] <= nowMs - limits.windowMs) window.shift()
  if (window.length < max) {
    window.push(nowMs)
    return 0
  }
  return Math.max(1, Math.ceil(((window[0] ?? nowMs) + limits.windowMs - nowMs) / 1000))
}
