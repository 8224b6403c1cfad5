/**
 * What a replica saw, written so that nothing is lost when it is killed: one synchronous write a fact, and the page
 * cache outlives the process.
 */
import fs from "node:fs"

export type Fact =
  | {
    readonly kind: "delivered"
    readonly durable: string
    readonly stream: string
    readonly sequence: number
    readonly messageId: string
    readonly deliveryCount: number
  }
  | {
    readonly kind: "settled" | "published"
    readonly durable: string
    readonly stream: string
    readonly sequence: number
    readonly messageId: string
  }
  /** The handler was given these. */
  | { readonly kind: "handling"; readonly durable: string; readonly eventIds: ReadonlyArray<string> }
  | {
    readonly kind: "state"
    readonly isUp: boolean
    readonly problems: ReadonlyArray<string>
    readonly rssMiB: number
  }

/** `at` in epoch milliseconds. */
export type JournalLine = Fact & { readonly at: number; readonly replica: string }

export interface Journal {
  readonly write: (fact: Fact) => void
}

export const openJournal = (file: string, replica: string): Journal => {
  const descriptor = fs.openSync(file, "a")
  return {
    write: (fact) => void fs.writeSync(descriptor, `${JSON.stringify({ ...fact, at: Date.now(), replica })}\n`),
  }
}

/** A line that a kill cut in the middle is the last one, and none. */
export const readJournal = (file: string): ReadonlyArray<JournalLine> => {
  if (!fs.existsSync(file)) return []
  return fs.readFileSync(file, "utf8").split("\n").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line))
}
