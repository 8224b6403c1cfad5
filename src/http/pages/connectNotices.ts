/** What came of connecting, reading or leaving a tool. Codes travel in addresses, words never do. */
import type { ToolWords } from "./toolWords.ts"

/** `hosts`: of a tool connected by address, those it may be of. */
type Words = (tool: ToolWords, hosts: ReadonlyArray<string>) => string

const forgotten = (tool: ToolWords) =>
  `Disconnected. The ${tool.pasted.noun} and ${tool.content} were forgotten here; your past tips stay in the history.`

const saids = {
  connected: ({ content }) => `Connected. ${begun(content)} is here.`,
  synced: ({ content }) => `${begun(content)} is up to date.`,
  disconnected: (tool) => `${forgotten(tool)} If nobody else is to use it either: ${tool.endThere.pasted}.`,
  "disconnected-revoked": (tool) => `${forgotten(tool)} ${tool.name} ended our access too.`,
  "disconnected-pending": (tool) =>
    `${forgotten(tool)} ${tool.name} could not be told just now; we go on trying for a while. To end our access ` +
    `there yourself: ${tool.endThere.grant}.`,
} as const satisfies Readonly<Record<string, Words>>
export type Said = keyof typeof saids

const begun = (words: string): string => words.slice(0, 1).toUpperCase() + words.slice(1)

const wanted = (hosts: ReadonlyArray<string>): string =>
  hosts.length === 0 ? "" : ` It has to begin with https:// and to be of ${hosts.join(" or ")}.`

const troubles = {
  rejected: ({ name, pasted }, hosts) =>
    `${name} does not accept this ${pasted.noun}. Copy it again, whole, and paste it here.${wanted(hosts)}`,
  missing: ({ pasted }) => `Paste the ${pasted.noun} first.`,
  failed: ({ name }) => `${name} did not answer as it should. Try again in a minute.`,
  paced: () => "It was read a moment ago. Try again in a minute.",
  gone: ({ name }) => `${name} no longer speaks with this version of tipstream. Whoever runs it has to update it.`,
  busy: () => "Something is still under way for you. Try again in a moment.",
  "other-account": ({ name }) => `That is another ${name} account than the one connected. Nothing was changed.`,
  unsupported: ({ name }, hosts) =>
    hosts.length === 0
      ? `${name} is not connected that way here.`
      : `An address of that host is not read here.${wanted(hosts)}`,
  "not-connected": ({ name }) => `There is nothing to read yet: connect ${name} first.`,
  denied: ({ name }) => `You did not let tipstream into ${name}. That is fine: nothing was changed.`,
  stale: ({ name }) =>
    `That way back from ${name} was used before, or took too long. Nothing came of it; what is connected stands below.`,
  scope: ({ name }) => `${name} does not know what we asked to be allowed. Whoever runs tipstream has to look at it.`,
  application: ({ name }) =>
    `${name} does not let tipstream in just now: it may have let too many in. Try again later, or connect another way.`,
  unfinished: ({ name }) => `${name} did not complete the connection. Nothing was changed: try it once more.`,
} as const satisfies Readonly<Record<string, Words>>
export type Trouble = keyof typeof troubles

const known = <Code extends string>(words: Readonly<Record<Code, Words>>, code: string | undefined) =>
  code !== undefined && Object.hasOwn(words, code) ? code as Code : undefined

export const saidOf = (code: string | undefined): Said | undefined => known(saids, code)
export const troubleOf = (code: string | undefined): Trouble | undefined => known(troubles, code)

export const saidWords = (code: Said, tool: ToolWords): string => saids[code](tool)

export const troubleWords = (code: Trouble, tool: ToolWords, hosts: ReadonlyArray<string> = []): string =>
  troubles[code](tool, hosts)

/** Why the last read failed, by its code, and what follows from it. */
const problems: Readonly<Record<string, (tool: ToolWords) => string>> = {
  ScopeMissing: ({ name }) => `${name} does not let us read with what was granted: connect it anew.`,
  RateLimited: ({ name }) => `${name} wants to be asked less often. It is read again by itself.`,
  ProviderUnavailable: ({ name }) => `${name} did not answer as it should. It is read again by itself.`,
  ProviderRefused: ({ name }) => `${name} refused what we asked. Whoever runs tipstream has to look at it.`,
  ProviderGone: (tool) => troubles.gone(tool),
}

/** What the store says, for codes that need no other words. */
export const problemWords = (code: string | null, lastProblem: string, tool: ToolWords): string =>
  code !== null && Object.hasOwn(problems, code) ? problems[code]!(tool) : lastProblem
