import { describe, expect, it } from "vitest"
import { scenario as crashLoop } from "./scenarios/crash-loop.ts"
import { scenario as killAfterEffect } from "./scenarios/replica-kill-after-effect.ts"
import { scenario as killBeforeCommit } from "./scenarios/replica-kill-before-commit.ts"
import { small, survived, timeoutMs } from "./smallScale.ts"

describe("faults of a replica", () => {
  it("killed between an effect and its acknowledgement, it does nothing twice", async () => {
    expect(await small(killAfterEffect)).toMatchObject(survived)
  }, timeoutMs)

  it("killed before the commit of an effect, it leaves nothing out", async () => {
    expect(await small(killBeforeCommit)).toMatchObject(survived)
  }, timeoutMs)

  it("ended by one event again and again, it puts that event aside, and no other", async () => {
    expect(await small(crashLoop)).toMatchObject(survived)
  }, timeoutMs)
})
