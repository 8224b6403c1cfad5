import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { task } from "./userSync.fixture.ts"
import { syncNow, world } from "./userSyncWorld.fixture.ts"

describe("a tool that can only be read", () => {
  it.effect(
    "edge case 35 - answers for what was asked of it, which is settled and does not come round again",
    world((it) =>
      Effect.gen(function* () {
        Object.assign(it.tool.connector, {
          canAct: false,
          act: ({ acts }: Parameters<typeof it.tool.connector.act>[0]) =>
            Effect.succeed(acts.map(({ actId }) => ({ actId, outcome: "forbidden" as const }))),
        })
        it.tool.open(task("1"))
        yield* it.connect()
        it.store.acts.push({ actId: "a1", kind: "complete", taskId: "1", expectedDue: null, outcome: undefined })
        expect((yield* it.ask(syncNow)).status).toBe("synced")
        expect(it.store.acts).toMatchObject([{ outcome: "forbidden" }])
        expect([...it.store.row().tasks.keys()]).toEqual(["1"])
      })
    ),
  )
})
