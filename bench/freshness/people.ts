/** Users of the service who are connected to accounts of the simulator by OAuth: Todoist tells of no others. */
import { createHash, createHmac, randomBytes } from "node:crypto"
import type postgres from "postgres"

export interface Simulated {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
}

export interface Person {
  readonly userId: string
  readonly cookie: string
  /** Of the account at the simulator. */
  readonly token: string
  readonly accountId: string
}

export async function call<A>(
  method: string,
  url: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<A> {
  const response = await fetch(url, {
    method,
    redirect: "manual",
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (response.status >= 400) throw new Error(`${method} ${url} answers ${response.status}: ${text}`)
  return (text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : undefined) as A
}

/** Accounts of this many tasks each. Grows by what is measured: a task per change. */
export async function accounts(simulated: Simulated, prefix: string, count: number, tasks: number) {
  const made: Array<Pick<Person, "token" | "accountId">> = []
  for (let n = 0; n < count; n++) {
    const token = `${prefix}-${n}`
    const { userId } = await call<{ readonly userId: string }>("POST", `${simulated.url}/_sim/accounts`, {
      token,
      taskCount: tasks,
    })
    made.push({ token, accountId: userId })
  }
  return made
}

/** Signed in by hand, and connected as a user does. */
export async function connected(
  origin: string,
  sql: postgres.Sql,
  simulated: Simulated,
  account: Pick<Person, "token" | "accountId">,
): Promise<Person> {
  const userId = `u${randomBytes(10).toString("hex")}`
  const session = randomBytes(32).toString("base64url")
  await sql`INSERT INTO users (tenant_id, user_id, issuer, subject, display_name, time_zone, created_at_ms)
    VALUES ('default', ${userId}, 'bench', ${userId}, 'Bench', 'UTC', 0)`
  await sql`INSERT INTO sessions (token_hash, tenant_id, user_id, created_at_ms, expires_at_ms)
    VALUES (${createHash("sha256").update(session).digest()}, 'default', ${userId}, 0, ${Date.now() + 3_600_000})`
  const cookie = `sid=${session}`
  const begun = await call<{ readonly authorizeUrl: string }>(
    "POST",
    `${origin}/v1/connectors/todoist`,
    { oauth: true, mayAct: true },
    { cookie },
  )
  const asked = new URL(begun.authorizeUrl).searchParams
  const { redirect } = await call<{ readonly redirect: string }>("POST", `${simulated.url}/_sim/oauth/approve`, {
    clientId: asked.get("client_id"),
    scope: asked.get("scope"),
    state: asked.get("state"),
    redirectUri: asked.get("redirect_uri"),
    codeChallenge: asked.get("code_challenge"),
    token: account.token,
  })
  const { pathname, search } = new URL(redirect)
  await call("GET", new URL(pathname + search, origin).href, undefined, { cookie })
  return { ...account, userId, cookie }
}

/** Makes an urgent task, so that it is among those looked at however many there are; gives its id. */
export async function addTask({ url }: Simulated, { token }: Pick<Person, "token">): Promise<string> {
  const due = new Date().toISOString().slice(0, 10)
  const { subject } = await call<{ readonly subject: string }>("POST", `${url}/_sim/act`, {
    token,
    type: "item_add",
    args: { content: "Measure how soon this is seen", priority: 4, due: { date: due } },
  })
  return subject
}

/** The webhook Todoist would send about it, with its signature. */
export function webhook({ clientSecret }: Simulated, accountId: string, taskId: string) {
  const body = JSON.stringify({
    event_name: "item:added",
    user_id: accountId,
    event_data: { id: taskId, content: "Measure how soon this is seen" },
    initiator: { id: accountId, email: "bench@example.com", full_name: "Bench", is_premium: false },
    triggered_at: new Date().toISOString(),
    version: "10",
  })
  const signature = createHmac("sha256", clientSecret).update(body).digest("base64")
  return {
    body,
    headers: {
      "content-type": "application/json",
      "x-todoist-hmac-sha256": signature,
      "x-todoist-delivery-id": taskId,
    },
  }
}
