/** A simulator in a process of its own that holds very many accounts, and where a client that has read them stands. */
import { randomBytes } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import process from "node:process"
import { Effect } from "effect"
import { seedSmall } from "../../simulator/seedSmall.ts"
import { issueToken } from "../../simulator/syncToken.ts"
import { startProcess } from "../support/childProcess.ts"

export interface Accounts {
  readonly count: number
  readonly itemsEach: number
  /** The token of account `n` is this and `n`. */
  readonly tokenPrefix: string
}

export interface SimulatedAccounts {
  readonly pid: number
  readonly url: string
  readonly accountIdOf: (n: number) => string
  /** The cursor of the connector that has read account `n` but for its last `unread` tasks. */
  readonly cursorOf: (n: number, unread: number) => string
}

const seed = "bench"
const timeZone = "UTC"

export const simulatedAccounts = Effect.fnUntraced(function* (folder: string, accounts: Accounts) {
  const stateFile = path.join(folder, "simulator.json")
  // Known from the start, so that sync tokens can be made here: asking for each takes minutes.
  const secret = randomBytes(32).toString("base64url")
  yield* Effect.promise(() =>
    fs.writeFile(stateFile, JSON.stringify({ format: 1, complete: true, secret, accounts: [] }))
  )
  const { announced: url, pid } = yield* startProcess({
    command: [process.execPath, "run", "-A", "simulator/main.ts", "--port", "0", "--state", stateFile],
    announces: /"url":"([^"]+)"/,
    announceMaxMs: 20_000,
  })
  return yield* Effect.promise(async (): Promise<SimulatedAccounts> => {
    const { count, itemsEach, tokenPrefix } = accounts
    const { first } = await post(`${url}/_sim/accounts`, {
      body: JSON.stringify({ count, itemsPerAccount: itemsEach, tokenPrefix, seed, timeZone }),
      headers: { "content-type": "application/json" },
    }) as { readonly first: { readonly userId: string } }
    const { sync_token } = await post(`${url}/api/v1/sync`, {
      body: new URLSearchParams({ sync_token: "*", resource_types: '["items"]' }),
      headers: { authorization: `Bearer ${tokenPrefix}0` },
    }) as { readonly sync_token: string }
    const token = Buffer.from(sync_token, "base64url")
    const [epoch, seq] = [token.readUIntBE(1, 6), token.readUIntBE(7, 6)]
    const accountIdOf = (n: number) => String(Number(first.userId) + n)
    return {
      pid,
      url,
      accountIdOf,
      cursorOf: (n, unread) => {
        const recipe = { seed, tokenPrefix, itemsPerAccount: 0, timeZone, createdAtMs: epoch }
        const account = seedSmall(recipe, accountIdOf(n))
        const { inboxProjectId, userId } = account
        return JSON.stringify({
          v: 2,
          syncToken: issueToken(secret, account, seq - unread),
          projects: { [inboxProjectId]: { name: "Inbox", archived: false } },
          timeZone,
          userId,
          quarantined: [],
        })
      },
    }
  })
})

async function post(url: string, request: Pick<RequestInit, "body" | "headers">): Promise<unknown> {
  const response = await fetch(url, { method: "POST", ...request })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${text}`)
  return JSON.parse(text)
}
