/**
 * The judge notices: a proxy takes away, in turn, every key the simulator sends, and the reading of `sdk.int.test.ts`
 * that passes with it must fail without it. Which keys the SDK requires, which only we do, and which nobody does, is
 * written down here, so that a key that is no longer sent or no longer judged is seen as well.
 */
import { TodoistApi } from "@doist/todoist-sdk"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { keysOf, type Kind, withoutKey } from "./dropKey.ts"
import { envelopeProblems } from "./envelope.ts"
import { item, judged, type JudgedKeys } from "./judgedKeys.ts"
import { type Account, prepare, type Reading, readings } from "./readings.ts"
import { type Exchange, type RecordingProxy, startProxy } from "./recordingProxy.ts"
import { type SimulatorProcess, startSimulator } from "./simulatorProcess.ts"

const due = judged("date is_recurring string", "lang timezone")
const deadline = judged("date lang")
const duration = judged("amount unit")
const task = { item, due, deadline, duration }
const project = judged(
  `id can_assign_tasks child_order color created_at is_archived is_deleted is_favorite is_frozen name updated_at
  view_style default_order description is_collapsed is_shared parent_id`,
  "inbox_project",
)
const label = judged("id name color is_favorite", "is_deleted item_order")
const tzInfo = judged("gmt_string hours is_dst minutes timezone")
const features =
  "beta dateist_inline_disabled dateist_lang has_push_reminders karma_disabled karma_vacation restriction"
const everyUser =
  `id email full_name business_account_id daily_goal date_format days_off inbox_project_id is_premium karma karma_trend
  lang next_week premium_status start_day start_page time_format tz_info weekend_start_day weekly_goal`
const syncUser =
  `activated_user auto_reminder feature_identifier features getting_started_guide_projects has_magic_number has_password
  image_id is_celebrations_enabled joinable_workspace joined_at premium_until share_limit sort_order theme_id
  unique_prefix verification_status websocket_url`
const restUser = "completed_count completed_today"
const error = judged("error error_code error_extra error_tag http_code")
const page = judged("results", "next_cursor")
const completed = { ...task, envelope: judged("items", "next_cursor") }
const section = judged(
  `id user_id project_id added_at updated_at archived_at name description section_order is_archived is_deleted
  is_collapsed`,
)

const expected: Readonly<Record<string, Partial<Record<Kind, JudgedKeys>>>> = {
  "full sync": {
    ...task,
    project,
    section,
    label,
    collaborator: judged("id email full_name timezone image_id"),
    collaborator_state: judged("user_id project_id state is_deleted"),
    user: judged(`${everyUser} ${syncUser}`, "", `${restUser} dateist_lang`),
    tz_info: tzInfo,
    features: judged(features),
    envelope: judged(
      "",
      `full_sync full_sync_date_utc sync_token temp_id_mapping items projects sections labels user collaborators
      collaborator_states`,
    ),
  },
  "incremental sync": { ...task, envelope: judged("", "full_sync sync_token temp_id_mapping items") },
  "failed command": { error },
  "getTask": task,
  "getTasks": { ...task, envelope: page },
  "addTask": task,
  "updateTask": task,
  "moveTask": task,
  "getCompletedTasksByCompletionDate": completed,
  "getCompletedTasksByDueDate": completed,
  "getProject": { project },
  "getProjects": { project, envelope: page },
  "getProjectCollaborators": { person: judged("id name email"), envelope: page },
  "getSections": { section, envelope: page },
  "getLabels": { label: judged("id name color is_favorite order"), envelope: page },
  "getActivityLogs": {
    activity: judged(
      `id object_type object_id event_type event_date parent_project_id parent_item_id initiator_id extra_data`,
    ),
    envelope: page,
  },
  "getUser": {
    user: judged(`${everyUser} ${restUser}`, "", `${syncUser} dateist_lang`),
    tz_info: tzInfo,
    features: judged("", "", features),
  },
  "getAuthToken": { envelope: judged("access_token", "token_type refresh_token expires_in", "scope") },
}

let simulator: SimulatorProcess
let proxy: RecordingProxy

beforeAll(async () => {
  simulator = await startSimulator()
  proxy = await startProxy(simulator.url)
})
afterAll(async () => {
  await proxy?.close()
  await simulator?.stop()
})

const prepared = async (): Promise<Account> => {
  const [token, baseUrl] = [await simulator.account(3), proxy.url]
  return prepare(simulator, { api: new TodoistApi(token, { baseUrl }), token, baseUrl })
}

let shared: Promise<Account> | undefined

/** Full syncs are limited to a hundred per account, so each case of them has its own; the others share one. */
const accountFor = ({ name }: Reading): Promise<Account> => name === "full sync" ? prepared() : shared ??= prepared()

/** Reads through the proxy, which rewrites the last reply; `null` when the reading passed. */
const readWith = async (reading: Reading, account: Account, rewrite: ((exchange: Exchange) => string) | null) => {
  proxy.exchanges.length = 0
  proxy.rewriteWith(rewrite)
  const failed = await reading.read(account).then(() => null, (error: unknown) => error)
  proxy.rewriteWith(null)
  return { failed, exchange: proxy.exchanges.at(-1)! }
}

const camelCase = (key: string): string => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

const verdictsWithout = async (reading: Reading, account: Account, kind: Kind): Promise<JudgedKeys> => {
  const { failed, exchange: whole } = await readWith(reading, account, null)
  expect([failed, envelopeProblems(whole)]).toEqual([null, []])
  const found: { [By in keyof JudgedKeys]: Array<string> } = { sdk: [], ours: [], nobody: [] }
  for (const key of keysOf(kind, whole.body)) {
    const { failed, exchange } = await readWith(reading, account, ({ body }) => withoutKey(kind, key, body))
    const problems = envelopeProblems({ ...exchange, body: withoutKey(kind, key, exchange.body) })
    // Red for this key, and not because the proxy broke something else.
    if (failed !== null && kind !== "envelope") expect(String(failed)).toContain(camelCase(key))
    found[failed !== null ? "sdk" : problems.length > 0 ? "ours" : "nobody"].push(key)
  }
  return { sdk: found.sdk.sort(), ours: found.ours.sort(), nobody: found.nobody.sort() }
}

const cases = readings.flatMap((reading) =>
  Object.entries(expected[reading.name] ?? {}).map(([kind, by]) => ({ reading, kind: kind as Kind, by }))
)

describe("a key taken away", () => {
  it("covers every reading", () => {
    expect(Object.keys(expected).sort()).toEqual(readings.map(({ name }) => name).sort())
    expect(item.sdk).toHaveLength(23)
  })

  it.each(cases)("from $kind in $reading.name turns it red", async ({ reading, kind, by }) => {
    expect(await verdictsWithout(reading, await accountFor(reading), kind)).toEqual(by)
  })
})
