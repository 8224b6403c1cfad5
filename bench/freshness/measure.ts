/** One change after the other, each until a recommend has considered it. */
import type postgres from "postgres"
import { addTask, call, webhook } from "./people.ts"
import type { Person, Simulated } from "./people.ts"

/** What is never seen would be waited for for ever. */
const seenMaxMs = 10_000

export interface Seen {
  readonly ms: number
  /** Reads until then, that one included. */
  readonly asked: number
}

/** From just before the webhook leaves until the answer of the first read that saw the change. */
export async function untilSeen(
  origin: string,
  simulated: Simulated,
  person: Pick<Person, "token" | "accountId">,
  isSeen: (taskId: string) => Promise<number | undefined>,
): Promise<Seen> {
  const taskId = await addTask(simulated, person)
  const { body, headers } = webhook(simulated, person.accountId, taskId)
  const startedAt = performance.now()
  const knocked = fetch(`${origin}/webhooks/todoist`, { method: "POST", body, headers }).then(async (response) => {
    await response.body?.cancel()
    if (response.status !== 200) throw new Error(`the webhook is answered ${response.status}`)
  })
  for (let asked = 1;; asked++) {
    const atMs = await isSeen(taskId)
    if (atMs !== undefined) {
      await knocked
      return { ms: atMs - startedAt, asked }
    }
    if (performance.now() - startedAt > seenMaxMs) throw new Error(`not seen within ${seenMaxMs} ms`)
  }
}

export interface Answer {
  readonly tip: { readonly id: string } | null
  readonly dataAgeMs: number | null
}

export const recommend = (origin: string, { cookie }: Person): Promise<Answer> =>
  call<Answer>("POST", `${origin}/v1/recommend`, undefined, { cookie })

/** Whether the decision looked at the task: the event of each names all candidates. */
export async function considered(sql: postgres.Sql, { tip }: Answer, taskId: string): Promise<boolean> {
  if (tip === null) return false
  const [row] = await sql<Array<{ readonly seen: boolean }>>`
    SELECT position(convert_to(${`todoist:${taskId}`}, 'UTF8') in payload) > 0 AS seen
    FROM outbox WHERE event_id = ${tip.id}`
  if (row === undefined) throw new Error("the decision's event is not in the outbox any more")
  return row.seen
}

/** The instant the answer arrived, if it considered the task. */
export const recommendSees = (origin: string, sql: postgres.Sql, person: Person) => async (taskId: string) => {
  const answer = await recommend(origin, person)
  const atMs = performance.now()
  return await considered(sql, answer, taskId) ? atMs : undefined
}

export const bareSees = (origin: string, { accountId }: Pick<Person, "accountId">) => async (taskId: string) => {
  const ids = await call<ReadonlyArray<string>>("GET", `${origin}/seen?account=${accountId}`)
  return ids.includes(taskId) ? performance.now() : undefined
}
