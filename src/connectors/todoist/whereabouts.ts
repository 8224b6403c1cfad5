/**
 * What became of tasks that a snapshot no longer holds.
 *
 * Completed, deleted, and out of sight look alike there. A task that was completed lately is in the list of completed
 * ones, which one call brings for many; another is asked for by itself, and so is its project where that decides. What
 * neither shows was deleted, unless the list was cut short or is not to be had (free plans): then nobody knows.
 */
import { Clock, Effect, Option, Schema } from "effect"
import { type ConnectorError, type Whereabouts, whereaboutsMax } from "../Connector.ts"
import type { Credential } from "../Credential.ts"
import { getTask } from "./getTask.ts"
import { isSuccess, parseJson, refusalOf, unavailable } from "./refusal.ts"
import { decodeItem, type Item } from "./taskMapping.ts"
import type { TodoistApi } from "./TodoistApi.ts"

/** Todoist takes ranges of up to three months, the shortest of which are 89 days. */
const rangeMs = 89 * 86_400_000

/** A thousand completed tasks: who does more than ten a day gets `unknown` for what lies further back. */
const pagesMax = 5
const pageSize = 200

/** Up to here asking for each by itself takes no more calls than asking for the list first. */
const fewTasks = 2

const Page = Schema.Struct({
  items: Schema.Array(Schema.Unknown),
  next_cursor: Schema.optionalKey(Schema.NullOr(Schema.String)),
})
const decodePage = Schema.decodeUnknownOption(Page)

const Project = Schema.Struct({
  is_archived: Schema.optionalKey(Schema.Boolean),
  is_deleted: Schema.optionalKey(Schema.Boolean),
})
const decodeProject = Schema.decodeUnknownOption(Project)

const decodeUser = Schema.decodeUnknownOption(Schema.Struct({ id: Schema.String }))

interface Completed {
  readonly ids: ReadonlySet<string>
  /** Whether everything completed in the range is among them. */
  readonly isWhole: boolean
}

export const makeWhereabouts = (api: TodoistApi) => {
  const get = <A>(credential: Credential, path: string, decode: (json: unknown) => Option.Option<A>) =>
    api.call(credential, { path }, (raw) => {
      if (!isSuccess(raw)) return Effect.fail(refusalOf(raw, "resource"))
      return Option.match(decode(parseJson(raw.text)), {
        onNone: () => Effect.fail(unavailable(raw, "incomplete")),
        onSome: Effect.succeed,
      })
    })

  const completedLately = Effect.fnUntraced(function* (credential: Credential, sought: ReadonlySet<string>) {
    const nowMs = yield* Clock.currentTimeMillis
    const range = {
      since: new Date(nowMs - rangeMs).toISOString(),
      // A task completed this second by a clock ahead of ours is to be found, too.
      until: new Date(nowMs + 3_600_000).toISOString(),
      limit: String(pageSize),
    }
    const ids = new Set<string>()
    let cursor: string | null | undefined
    for (let page = 0; page < pagesMax && cursor !== null && ids.size < sought.size; page += 1) {
      const query = new URLSearchParams(cursor === undefined ? range : { ...range, cursor })
      const read = yield* get(credential, `/api/v1/tasks/completed/by_completion_date?${query}`, decodePage)
      for (const item of read.items.map(decodeItem)) {
        // A recurring task is listed for each time it was done, and may be open or deleted all the same.
        const isOver = item !== undefined && item.checked && !item.is_deleted && item.due?.is_recurring !== true
        if (isOver && sought.has(item.id)) ids.add(item.id)
      }
      cursor = read.next_cursor ?? null
    }
    return { ids, isWhole: cursor === null }
  })

  const completed = (credential: Credential, sought: ReadonlySet<string>): Effect.Effect<Completed, ConnectorError> => {
    const nothing = Effect.succeed({ ids: new Set<string>(), isWhole: false })
    return completedLately(credential, sought).pipe(
      // The plan may not include it. That is no failure of what can be said without it.
      Effect.catchTags({ ProviderRefused: () => nothing, ScopeMissing: () => nothing }),
    )
  }

  /** An open task that a snapshot left out is somebody else's, or in a project that is not to be seen. */
  const ofOpen = Effect.fnUntraced(function* (
    credential: Credential,
    item: Item,
    memory: Memory,
  ): Effect.fn.Return<Visibility, ConnectorError> {
    if (typeof item.responsible_uid === "string") {
      memory.userId ??= (yield* get(credential, "/api/v1/user", decodeUser)).id
      if (item.responsible_uid !== memory.userId) return "withdrawn"
    }
    if (item.project_id === null) return "open"
    const known = memory.projects.get(item.project_id)
    const project = known ?? (yield* projectState(credential, item.project_id))
    memory.projects.set(item.project_id, project)
    return project
  })

  const projectState = (credential: Credential, id: string): Effect.Effect<Visibility, ConnectorError> =>
    get(credential, `/api/v1/projects/${encodeURIComponent(id)}`, decodeProject).pipe(
      Effect.map((project): Visibility =>
        project.is_archived === true || project.is_deleted === true ? "withdrawn" : "open"
      ),
      Effect.catchTag(
        "ProviderRefused",
        (error) =>
          error.status === 404 || error.status === 403 ? Effect.succeed<Visibility>("withdrawn") : Effect.fail(error),
      ),
    )

  return Effect.fn("Connector.whereabouts")(function* (credential: Credential, taskIds: ReadonlyArray<string>) {
    if (taskIds.length > whereaboutsMax) {
      throw new RangeError(`${taskIds.length} tasks at once, at most ${whereaboutsMax} are asked for`)
    }
    const sought = new Set(taskIds)
    const list = yield* Effect.cached(completed(credential, sought))
    const early = sought.size > fewTasks ? (yield* list).ids : new Set<string>()
    const memory: Memory = { userId: undefined, projects: new Map() }
    const found = new Map<string, Whereabouts>()
    for (const id of sought) {
      const task = early.has(id) ? "completed" : yield* getTask(api, credential, id)
      if (task === "completed") found.set(id, task)
      else if (task === "unreadable") found.set(id, "unknown")
      else if (task === "hidden") found.set(id, "withdrawn")
      else if (task === "absent") found.set(id, ofAbsent(id, yield* list))
      else if (task.is_deleted) found.set(id, "deleted")
      else found.set(id, task.checked ? "completed" : yield* ofOpen(credential, task, memory))
    }
    return found
  })
}

type Visibility = "open" | "withdrawn"

interface Memory {
  userId: string | undefined
  readonly projects: Map<string, Visibility>
}

const ofAbsent = (id: string, { ids, isWhole }: Completed): Whereabouts => {
  if (ids.has(id)) return "completed"
  return isWhole ? "deleted" : "unknown"
}
