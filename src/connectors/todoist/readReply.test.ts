import { describe, expect, it } from "vitest"
import type { Cursor } from "./cursor.ts"
import { syncChanges, syncFull } from "./fixtures/fixture.ts"
import { gathered } from "./fixtures/readAll.ts"
import { caughtUp, type Outcome, type Reading, readReply, recovered, signals } from "./readReply.ts"
import { processSyncResponse, type Reply } from "./syncResponse.ts"

const replyOf = (wire: object, sentToken = "token-1"): Reply => {
  const processed = processSyncResponse({ status: 200, headers: {}, text: JSON.stringify(wire) }, sentToken)
  if (processed._tag !== "Reply") throw new Error(processed._tag)
  return processed
}

const readingOf = (outcome: Outcome): Reading => {
  if (outcome._tag !== "Read") throw new Error(outcome._tag)
  return outcome.reading
}

const observations = (reading: Reading) => gathered(Array.from(signals(reading))).tasks

const statesOf = (reading: Reading) =>
  Object.fromEntries(observations(reading).map(({ task, state }) => [task.taskId.slice(-1), state]))

const snapshot = readingOf(readReply(null, replyOf(syncFull, "*")))
const known: Cursor = snapshot.cursor

const inbox = syncFull.projects[0]!
const garden = syncFull.projects[1]!
const oldHouse = syncFull.projects[2]!
const milk = syncFull.items[0]!

describe("read reply", () => {
  it("read reply - a full reply is a snapshot of the open tasks that are the user's", () => {
    expect(snapshot.isSnapshot).toBe(true)
    expect(statesOf(snapshot)).toEqual({ 1: "open", 2: "open", 3: "open", 4: "open", 5: "open" })
    expect(snapshot.quarantined).toEqual({ ids: new Set(), nameless: 0 })
    expect(known).toMatchObject({ syncToken: syncFull.sync_token, timeZone: "Europe/Berlin", userId: "40112233" })
    expect(Array.from(known.projects.values(), ({ isArchived }) => isArchived)).toEqual([false, false, true])
  })

  it("edge case 18 - an incremental reply reports what changed, and an odd item does not stop the others", () => {
    const reading = readingOf(readReply(known, replyOf(syncChanges)))
    expect(reading.isSnapshot).toBe(false)
    expect(statesOf(reading)).toEqual({ 1: "completed", 2: "deleted", 4: "open", 5: "withdrawn" })
    expect(reading.quarantined).toEqual({ ids: new Set(["6X7rM8997g3RQmv8"]), nameless: 0 })
    expect(reading.cursor).toEqual({
      ...known,
      syncToken: syncChanges.sync_token,
      quarantined: ["6X7rM8997g3RQmv8"],
    })
  })

  it("edge case 8 - nothing changed is no task and a new token", () => {
    const reading = readingOf(readReply(known, replyOf({ sync_token: "t2", full_sync: false })))
    expect(reading.items.size).toBe(0)
    expect(reading.isSnapshot).toBe(false)
    expect(reading.cursor).toEqual({ ...known, syncToken: "t2" })
  })

  it("edge case 5 - a full reply nobody asked for is a snapshot all the same", () => {
    const reading = readingOf(readReply(known, replyOf({ ...syncFull, items: [milk] })))
    expect(reading.isSnapshot).toBe(true)
    expect(statesOf(reading)).toEqual({ 1: "open" })
  })

  it("read reply - a completed or deleted item in a full reply is not among the open ones", () => {
    const items = [{ ...milk, checked: true }, { ...milk, id: "other", is_deleted: true }]
    expect(statesOf(readingOf(readReply(null, replyOf({ ...syncFull, items }, "*"))))).toEqual({})
  })

  it("read reply - changes that move tasks the reply does not hold call for a full read", () => {
    const user = syncFull.user
    const reasons: Readonly<Record<string, object>> = {
      renamed: { projects: [{ ...garden, name: "Allotment" }] },
      archived: { projects: [{ ...garden, is_archived: true }] },
      unarchived: { projects: [{ ...oldHouse, is_archived: false }] },
      deleted: { projects: [{ ...garden, is_deleted: true }] },
      unknown: { projects: [{ ...garden, id: "back-from-the-archive" }] },
      unreadable: { projects: [{ id: 7 }] },
      "an item of a project that never came": { items: [{ ...milk, project_id: "never-seen" }] },
      "another zone": { user: { ...user, tz_info: { timezone: "Asia/Kolkata" } } },
      "another user": { user: { ...user, id: "1" } },
    }
    for (const [reason, change] of Object.entries(reasons)) {
      expect(readReply(known, replyOf({ ...syncChanges, ...change })), reason).toEqual({ _tag: "ReadEverything" })
    }
  })

  it("edge case 15 - a task moved to where the user does not see it any more is withdrawn, not completed", () => {
    const moved = { ...milk, project_id: oldHouse["id"] }
    expect(statesOf(readingOf(readReply(known, replyOf({ ...syncChanges, items: [moved] }))))).toEqual({
      1: "withdrawn",
    })
    const unknown = { ...milk, project_id: "never-seen" }
    expect(readReply(known, replyOf({ ...syncChanges, items: [unknown] }))).toEqual({ _tag: "ReadEverything" })
  })

  it("edge case 10 - a deleted task that is brought back is open again, and so is a completed one", () => {
    const of = (...items: ReadonlyArray<object>) =>
      statesOf(readingOf(readReply(known, replyOf({ ...syncChanges, items }))))
    expect(of({ ...milk, is_deleted: true })).toEqual({ 1: "deleted" })
    expect(of({ ...milk, is_deleted: false })).toEqual({ 1: "open" })
    expect(of({ ...milk, checked: true })).toEqual({ 1: "completed" })
    expect(of({ ...milk, checked: false })).toEqual({ 1: "open" })
  })

  it("edge case 12 - a subtask names its parent, which may end without it", () => {
    const [parent, child] = syncFull.items.filter(({ id }) => id === "6X7rM8997g3RQmv4" || id === "6X7rM8997g3RQmv5")
    const reading = readingOf(readReply(known, replyOf({ ...syncChanges, items: [{ ...parent, checked: true }] })))
    expect(statesOf(reading)).toEqual({ 4: "completed" })
    expect(observations(snapshot).find(({ task }) => task.taskId === child?.["id"])?.task.parentId).toBe(parent?.["id"])
  })

  it("read reply - changes that move no other task do not", () => {
    const changes = [
      { projects: [{ ...inbox, color: "red" }, oldHouse] },
      { projects: [{ ...garden, id: "made-and-gone", is_deleted: true }] },
      { items: [{ ...milk, project_id: "never-seen", checked: true }] },
      { items: [{ ...milk, project_id: null }] },
      { user: { ...syncFull.user, full_name: "Ada Lovelace" } },
    ]
    for (const change of changes) expect(readReply(known, replyOf({ ...syncChanges, ...change }))._tag).toBe("Read")
  })

  it("read reply - the zone and the user are kept when a full reply does not repeat them", () => {
    const { user: _, ...silent } = syncFull
    expect(readingOf(readReply(known, replyOf(silent, "*"))).cursor).toEqual(known)
    const nobody = readingOf(readReply(null, replyOf(silent, "*"))).cursor
    expect(nobody).toMatchObject({ timeZone: null, userId: null })
  })

  it("edge case 8 - a full reply that is mostly unreadable is not taken for an empty account", () => {
    const many = (
      count: number,
    ) => [milk, ...Array.from({ length: count }, (_, n) => ({ ...milk, id: `q${n}`, due: 7 }))]
    const ids = (count: number) => new Set(Array.from({ length: count }, (_, n) => `q${n}`))
    expect(readReply(null, replyOf({ ...syncFull, items: many(9) }, "*"))).toEqual({ _tag: "Unreadable" })
    expect(readReply(null, replyOf({ ...syncFull, items: many(3) }, "*"))).toMatchObject({
      reading: { quarantined: { ids: ids(3) } },
    })
    expect(readReply(known, replyOf({ ...syncChanges, items: many(9) }))).toMatchObject({
      reading: { quarantined: { ids: ids(9) } },
    })
  })

  it("read reply - the same task twice in a reply counts once, as it stood last", () => {
    const reading = readingOf(readReply(known, replyOf({ ...syncChanges, items: [milk, { ...milk, checked: true }] })))
    expect(statesOf(reading)).toEqual({ 1: "completed" })
  })

  it("edge case 2 - a stale snapshot caught up is a snapshot without what is done since", () => {
    const fresh = caughtUp(snapshot, replyOf(syncChanges))
    expect(fresh.isSnapshot).toBe(true)
    expect(statesOf(fresh)).toEqual({ 3: "open", 4: "open" })
    expect(observations(fresh).map(({ task }) => task.due?.date)).toEqual(["2026-12-07", "2026-11-24"])
    expect(fresh.cursor.syncToken).toBe(syncChanges.sync_token)
    expect(fresh.quarantined).toEqual({ ids: new Set(["6X7rM8997g3RQmv8"]), nameless: 0 })
  })

  it("edge case 18 - what a catch-up makes odd is quarantined, and what it mends is not", () => {
    const [odd, mended] = [{ ...milk, due: 7 }, { ...milk, id: "6X7rM8997g3RQmv9" }]
    const broken = readingOf(readReply(null, replyOf({ ...syncFull, items: [milk, { ...mended, due: 7 }] }, "*")))
    expect(Array.from(broken.quarantined.ids)).toEqual(["6X7rM8997g3RQmv9"])
    const fresh = caughtUp(broken, replyOf({ sync_token: "t2", full_sync: false, items: [odd, mended] }))
    expect(statesOf(fresh)).toEqual({ 9: "open" })
    expect(Array.from(fresh.quarantined.ids)).toEqual(["6X7rM8997g3RQmv1"])
    expect(fresh.cursor.quarantined).toEqual(["6X7rM8997g3RQmv1"])
  })

  it("read reply - a catch-up that calls for a full read shows what it can and leaves the cursor before it", () => {
    const archived = { ...syncChanges, items: [], projects: [{ ...garden, is_archived: true }] }
    const shown = caughtUp(snapshot, replyOf(archived))
    expect(statesOf(shown)).toEqual({ 1: "open", 2: "open", 3: "open" })
    expect(shown.cursor).toEqual(known)
    const made = { ...inbox, id: "just-made", name: "Trip" }
    const added = { ...milk, id: "just-added-9", project_id: "just-made" }
    const grown = caughtUp(snapshot, replyOf({ ...syncChanges, projects: [made], items: [added] }))
    expect(observations(grown).find(({ task }) => task.taskId === "just-added-9")?.task.projectName).toBe("Trip")
    expect(grown.cursor).toEqual(known)
  })

  it("edge case 18 - what is not understood is remembered until it is understood or gone, and takes turns", () => {
    const first = readingOf(readReply(known, replyOf(syncChanges)))
    const later = readingOf(readReply(first.cursor, replyOf({ sync_token: "t3", full_sync: false })))
    expect(later.cursor.quarantined).toEqual(["6X7rM8997g3RQmv8"])
    expect(later.quarantined.ids.size).toBe(0)
    const two = { ...later, cursor: { ...later.cursor, quarantined: ["6X7rM8997g3RQmv8", "other"] } }
    const still = recovered(two, new Map([["6X7rM8997g3RQmv8", "unreadable"]]))
    expect(still.cursor.quarantined).toEqual(["other", "6X7rM8997g3RQmv8"])
    const gone = recovered(two, new Map([["6X7rM8997g3RQmv8", "absent"]]))
    expect(gone.cursor.quarantined).toEqual(["other"])
    expect(gone.items.size).toBe(0)
    const understood = readingOf(readReply(two.cursor, replyOf({ ...syncChanges, items: [{ ...milk, id: "other" }] })))
    expect(understood.cursor.quarantined).toEqual(["6X7rM8997g3RQmv8"])
    const again = readingOf(readReply(two.cursor, replyOf({ ...syncFull, items: [milk] })))
    expect(again.cursor.quarantined).toEqual([])
  })

  it("read reply - a catch-up answered by another full reply changes nothing", () => {
    expect(caughtUp(snapshot, replyOf({ ...syncFull, items: [] }))).toBe(snapshot)
  })
})
