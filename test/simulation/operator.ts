/** What an operator does with dead letters, on the tables as the commands do it. */
import type { HistoryRecord } from "../history/history.ts"
import { eventIdOf } from "../history/history.ts"
import { headersAgain } from "../../src/streams/redriving.ts"
import { parseSubject } from "../../src/streams/names.ts"
import { DeadLetter } from "../../src/streams/DeadLetters.ts"
import type { Database } from "./Database.ts"

/** Sends every open letter of an event of ours again, and forgets the others. How many were sent. */
export const redriveAll = (database: Database, record: (record: HistoryRecord) => void): number => {
  let sent = 0
  for (const [index, { letter, headers, payload }] of database.letters.entries()) {
    const eventId = eventIdOf(letter.messageId)
    const subject = parseSubject(letter.subject)
    const known = database.rows.find((row) => row.eventId === eventId)
    if (letter.state !== "open" || subject === undefined || known === undefined) continue
    const redrives = 1 + database.rows.filter((row) => row.eventId.startsWith(`${eventId}:redrive:`)).length
    const messageId = `${eventId}:redrive:${redrives}`
    const again = headersAgain(headers, messageId)
    const { stream } = known
    const transaction = database.begin()
    database.append(
      transaction,
      messageId,
      { stream, subject: letter.subject, partition: subject.partition, headers: again, payload },
      () => record({ kind: "redriven", eventId, messageId }),
    )
    database.commit(transaction)
    database.letters[index] = { letter: new DeadLetter({ ...letter, state: "redriven", redrives }), headers, payload }
    sent++
  }
  return sent
}
