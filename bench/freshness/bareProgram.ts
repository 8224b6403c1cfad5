/**
 * The necessary steps of freshness and nothing else: takes a webhook, checks its signature, answers, reads what changed
 * in one incremental sync, commits task, event and candidate in one transaction, and answers a read that sees them.
 *
 * No leases, no dedupe, no order, no retry. `DATABASE_URL`, `TODOIST_BASE_URL`, `TODOIST_CLIENT_SECRET` as the service
 * has them; `TOKENS` are API tokens by account id, as JSON.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import http from "node:http"
import type { AddressInfo } from "node:net"
import process from "node:process"
import postgres from "postgres"

const env = (name: string): string => process.env[name] ?? ""
const tokens = JSON.parse(env("TOKENS")) as Readonly<Record<string, string>>
const sql = postgres(env("DATABASE_URL"), { max: 10, onnotice: () => {} })

await sql`CREATE SCHEMA IF NOT EXISTS bare`
for (const table of ["task", "event", "candidate"]) {
  await sql.unsafe(
    `CREATE TABLE IF NOT EXISTS bare.${table} (account text, id text, body jsonb, PRIMARY KEY (account, id))`,
  )
}

interface Changed {
  readonly sync_token: string
  readonly items: ReadonlyArray<{ readonly id: string }>
}

const syncTokens = new Map<string, string>()

async function read(account: string): Promise<ReadonlyArray<{ readonly id: string }>> {
  const response = await fetch(`${env("TODOIST_BASE_URL")}/api/v1/sync`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokens[account]}`, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      sync_token: syncTokens.get(account) ?? "*",
      resource_types: '["items","projects","user"]',
    }),
  })
  if (!response.ok) throw new Error(`sync answers ${response.status}`)
  const { sync_token, items } = await response.json() as Changed
  syncTokens.set(account, sync_token)
  return items
}

async function sync(account: string): Promise<void> {
  const items = await read(account)
  if (items.length === 0) return
  const rows = JSON.stringify(items.map((body) => ({ id: body.id, body })))
  await sql.begin(async (own) => {
    for (const table of ["task", "event", "candidate"]) {
      await own`INSERT INTO ${own(`bare.${table}`)} (account, id, body)
        SELECT ${account}, id, body FROM jsonb_to_recordset(${rows}::text::jsonb) AS row(id text, body jsonb)
        ON CONFLICT (account, id) DO UPDATE SET body = excluded.body`
    }
  })
}

const isSigned = (body: Buffer, signature: string): boolean => {
  const expected = createHmac("sha256", env("TODOIST_CLIENT_SECRET")).update(body).digest()
  const given = Buffer.from(signature, "base64")
  return given.length === expected.length && timingSafeEqual(given, expected)
}

async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const parts: Array<Buffer> = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://bare")
  if (request.method === "POST") {
    const body = await bodyOf(request)
    if (!isSigned(body, String(request.headers["x-todoist-hmac-sha256"]))) throw new Error("forged")
    response.writeHead(200).end()
    return await sync((JSON.parse(body.toString()) as { readonly user_id: string }).user_id)
  }
  const rows = await sql`SELECT id FROM bare.candidate WHERE account = ${url.searchParams.get("account")}`
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(rows.map(({ id }) => id)))
}

for (const account of Object.keys(tokens)) await sync(account)
const server = http.createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error)
    response.destroy()
  })
})
server.listen(
  0,
  "127.0.0.1",
  () => console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`),
)
