/** The words that begin and end a range: the number of an event, or a time. */

export type Bound = { readonly sequence: number } | { readonly atMs: number }

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/

/** Both numbers or both times, and the end before the beginning. */
export const areSwapped = (
  { from, to }: { readonly from: string | undefined; readonly to: string | undefined },
): boolean => {
  const [begin, end] = [from, to].map((text) => text === undefined ? undefined : boundOf(text))
  if (begin === undefined || end === undefined) return false
  if ("sequence" in begin) return "sequence" in end && begin.sequence > end.sequence
  return "atMs" in end && begin.atMs > end.atMs
}

/** Undefined when it is neither. A time needs its zone, so that it means the same everywhere. */
export const boundOf = (text: string): Bound | undefined => {
  if (/^\d{1,15}$/.test(text)) return Number(text) >= 1 ? { sequence: Number(text) } : undefined
  const atMs = rfc3339.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN
  return Number.isNaN(atMs) ? undefined : { atMs }
}
