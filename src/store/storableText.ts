/**
 * Text as Postgres takes it: without NUL, which neither `text` nor `jsonb` holds, and without halves of a surrogate
 * pair. For what others wrote, where keeping all but a character beats keeping nothing.
 */
export const storableText = (text: string): string => text.replaceAll("\u0000", "\uFFFD").toWellFormed()

export const storableRecord = (record: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [storableText(name), storableText(value)]))
