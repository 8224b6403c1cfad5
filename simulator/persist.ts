/**
 * The state file: one JSON document, replaced whole (temporary file, fsync, rename), so a reader or a crash sees the
 * old or the new one. A process that was killed may have lost its last changes; then the epoch of every account is
 * raised on loading, so that no client goes on from a token this server no longer remembers giving.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs"
import { dirname } from "node:path"
import type { Account, LedgerEntry, Outcome, Stored } from "./account.ts"
import type { RandomState } from "./random.ts"
import type { OAuthClient } from "./oauth/clients.ts"
import type { Family } from "./oauth/grants.ts"
import type { World } from "./world.ts"

type LaterTable = "sections" | "collaborators" | "collaboratorStates"
type TableName = "items" | "projects" | "labels" | LaterTable
type Rows<Name extends TableName> = ReadonlyArray<Account[Name] extends Map<string, infer Row> ? Row : never>

type SavedAccount =
  & Omit<Account, TableName | "activity" | "seen" | "ledger" | "random">
  & { readonly [Name in Exclude<TableName, LaterTable>]: Rows<Name> }
  // Absent from files of earlier versions.
  & { readonly [Name in LaterTable]?: Rows<Name> }
  & {
    readonly token: string
    readonly random: RandomState
    readonly activity?: Account["activity"]
    readonly seen: ReadonlyArray<readonly [uuid: string, outcome: Outcome]>
    readonly ledger: ReadonlyArray<LedgerEntry>
  }

type SavedState = {
  readonly format: 1
  /** Written by an orderly stop, so nothing is missing. */
  readonly complete: boolean
  readonly secret: string
  readonly accounts: ReadonlyArray<SavedAccount>
  readonly oauth?: SavedGrants
}

type SavedGrants = {
  readonly clients: ReadonlyArray<OAuthClient>
  readonly families: ReadonlyArray<Family>
  readonly deadTokens: ReadonlyArray<string>
}

type LoadedState = {
  readonly secret: string
  readonly accounts: Map<string, Account>
  readonly oauth: SavedGrants | undefined
}

/** The file exists and is not a state file; it is left as it is. */
export class CorruptState extends Error {
  override readonly name = "CorruptState"
}

type Saved = Pick<World, "secret" | "accounts" | "grants" | "deadTokens">

export const saveState = (file: string, world: Saved, complete: boolean): void => {
  const state: SavedState = {
    format: 1,
    complete,
    secret: world.secret,
    accounts: [...world.accounts.byToken].map(([token, account]) => ({
      ...account,
      token,
      items: [...account.items.values()],
      projects: [...account.projects.values()],
      sections: [...account.sections.values()],
      labels: [...account.labels.values()],
      collaborators: [...account.collaborators.values()],
      collaboratorStates: [...account.collaboratorStates.values()],
      seen: [...account.seen],
    })),
    oauth: {
      clients: [...world.grants.clients.values()],
      // Those of pools go with their accounts, which are not kept.
      families: [...world.grants.families.values()].filter(({ userId }) => world.accounts.byUser.has(userId)),
      deadTokens: [...world.deadTokens],
    },
  }
  // The last folder only: below a folder that takes none, such as /proc, Node's recursive mkdir never ends.
  if (!existsSync(dirname(file))) mkdirSync(dirname(file))
  const temporary = `${file}.tmp`
  // 0600: it holds the tokens people are told to use, though they open nothing but this simulator.
  try {
    writeDurably(temporary, Buffer.from(JSON.stringify(state)))
    renameSync(temporary, file)
  } catch (cause) {
    // On a full disk the half-written file would be what keeps it full.
    rmSync(temporary, { force: true })
    throw cause
  }
}

const writeDurably = (file: string, bytes: Buffer): void => {
  const handle = openSync(file, "w", 0o600)
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(handle, bytes, written)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Undefined when there is no file yet. Throws `CorruptState`, or the system's error when it cannot be read. */
export const loadState = (file: string): LoadedState | undefined => {
  if (!existsSync(file)) return undefined
  const state = decoded(file, readFileSync(file, "utf8"))
  const accounts = new Map<string, Account>()
  for (const { token, items, projects, sections, labels, seen, ledger, ...rest } of state.accounts) {
    accounts.set(token, {
      ...rest,
      epoch: state.complete ? rest.epoch : rest.epoch + 1,
      items: tableOf(items),
      projects: tableOf(projects),
      sections: tableOf(sections ?? []),
      labels: tableOf(labels),
      collaborators: tableOf(rest.collaborators ?? []),
      collaboratorStates: tableOf(rest.collaboratorStates ?? []),
      activity: [...rest.activity ?? []],
      seen: new Map(seen),
      ledger: [...ledger],
    })
  }
  return { secret: state.secret, accounts, oauth: state.oauth }
}

const tableOf = <A extends { readonly id: string }>(rows: ReadonlyArray<Stored<A>>): Map<string, Stored<A>> =>
  new Map(rows.map((row) => [row.value.id, row]))

const decoded = (file: string, text: string): SavedState => {
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch {
    throw new CorruptState(`${file} is not JSON`)
  }
  if (!isObject(state) || state["format"] !== 1) throw new CorruptState(`${file} is not a simulator state of format 1`)
  const { secret, accounts } = state
  if (typeof secret !== "string" || !Array.isArray(accounts) || !accounts.every(isSavedAccount)) {
    throw new CorruptState(`${file} lacks parts of a simulator state`)
  }
  return state as SavedState
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const isTable = (rows: unknown): boolean =>
  Array.isArray(rows) &&
  rows.every((row) =>
    isObject(row) && isObject(row["value"]) && typeof row["value"]["id"] === "string" &&
    Number.isSafeInteger(row["lastSeq"]) && Number.isFinite(row["changedAtMs"])
  )

const isSavedAccount = (account: unknown): boolean =>
  isObject(account) &&
  ["token", "userId", "email", "fullName", "timeZone", "inboxProjectId"].every((key) =>
    typeof account[key] === "string"
  ) &&
  ["createdAtMs", "epoch", "seq", "horizonSeq", "userSeq", "completedCount"].every((key) =>
    Number.isSafeInteger(account[key])
  ) &&
  Array.isArray(account["random"]) && account["random"].length === 4 &&
  isTable(account["items"]) && isTable(account["projects"]) && isTable(account["labels"]) &&
  Array.isArray(account["seen"]) && Array.isArray(account["ledger"])
