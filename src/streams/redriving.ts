/**
 * Which dead letters are sent again, under which ids. Pure: the adapters lock the letters and carry the plan out.
 *
 * A message sent again is the same event under a new message id, `<first id>:redrive:<n>`, because a broker drops an id
 * that it has seen. The envelope keeps its id, and with it the inbox keeps one effect.
 */
import type { DeadLetter, RedriveReport } from "./DeadLetters.ts"
import { headers as names, parseSubject, streamOfClass } from "./names.ts"

export interface LetterToSend {
  readonly letter: Pick<DeadLetter, "id" | "stream" | "sequence" | "subject" | "messageId" | "redrives">
  /** Tells bodies apart: under an id that somebody else chose there may be two. */
  readonly digest: string
}

export interface Sending {
  /** The letter whose message is sent; the others of `letterIds` hold the same one. */
  readonly letterId: number
  readonly letterIds: ReadonlyArray<number>
  readonly messageId: string
  readonly redrive: number
  readonly partition: number
}

const mark = ":redrive:"

/** The id the event was first stored under; of a message that had none, where it stood. */
export const baseOf = ({ messageId, stream, sequence }: Pick<DeadLetter, "messageId" | "stream" | "sequence">) =>
  messageId === "" ? `dlq:${stream}:${sequence}` : messageId.split(mark, 1)[0]!

/** The highest number that the event of this letter is known to have been sent again under. */
export const redrivesOf = ({ messageId, redrives }: Pick<DeadLetter, "messageId" | "redrives">): number =>
  Math.max(redrives, Number(/:redrive:(\d{1,9})$/.exec(messageId)?.[1] ?? 0))

/**
 * Oldest first. `highest`: the number each base was last sent again under; `taken`: ids that are in the outbox although
 * no letter tells of them any more.
 */
export const planRedrive = (
  letters: ReadonlyArray<LetterToSend>,
  known: { readonly highest: ReadonlyMap<string, number>; readonly taken: ReadonlySet<string> },
  partitions: number,
): { readonly sendings: ReadonlyArray<Sending>; readonly refused: RedriveReport["refused"] } => {
  const refused: Array<{ readonly id: number; readonly problem: string }> = []
  const highest = new Map(known.highest)
  const sendings = new Map<string, Sending>()
  for (const { letter, digest } of letters) {
    const partition = partitionFor(letter, partitions)
    if (typeof partition === "string") {
      refused.push({ id: letter.id, problem: partition })
      continue
    }
    const base = baseOf(letter)
    const key = JSON.stringify([base, letter.subject, digest])
    const same = sendings.get(key)
    if (same !== undefined) {
      sendings.set(key, { ...same, letterIds: [...same.letterIds, letter.id] })
      continue
    }
    let redrive = 1 + (highest.get(base) ?? 0)
    while (known.taken.has(`${base}${mark}${redrive}`)) redrive++
    highest.set(base, redrive)
    const messageId = `${base}${mark}${redrive}`
    sendings.set(key, { letterId: letter.id, letterIds: [letter.id], messageId, redrive, partition })
  }
  return { sendings: [...sendings.values()], refused }
}

/** The partition it goes to, or why nobody would take it in. */
const partitionFor = ({ subject, stream }: LetterToSend["letter"], partitions: number): number | string => {
  const parts = parseSubject(subject)
  if (parts === undefined) return "its subject is not one of ours"
  if (streamOfClass[parts.eventClass] !== stream) return `its subject belongs to another stream than ${stream}`
  return parts.partition < partitions
    ? parts.partition
    : `its partition ${parts.partition} does not exist here: there are ${partitions}`
}

export const reportOf = (
  sendings: ReadonlyArray<Sending>,
  refused: RedriveReport["refused"],
): RedriveReport => ({
  redriven: sendings.flatMap(({ letterIds, messageId }) => letterIds.map((id) => ({ id, messageId })))
    .sort((one, other) => one.id - other.id),
  refused,
})

const kept: ReadonlyArray<string> = Object.values(names)

/** Ours alone: what others put there (conditions for a broker, marks of a dead letter) held for the first sending. */
export const headersAgain = (
  headers: Readonly<Record<string, string>>,
  messageId: string,
): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name))),
  [names.messageId]: messageId,
})

/** Of a letter that was named and not sent. */
export const notOpen = (id: number, state: DeadLetter["state"] | undefined) => ({
  id,
  problem: state === undefined
    ? "there is no such letter"
    : state === "redriven"
    ? "it was sent again before"
    : "it does not match the rest of the filter",
})
