import { describe, it } from "vitest"
import { scenario as crashLoop } from "./scenarios/crash-loop.ts"
import { scenario as killAfterEffect } from "./scenarios/replica-kill-after-effect.ts"
import { scenario as killBeforeCommit } from "./scenarios/replica-kill-before-commit.ts"
import { survives } from "./smallScale.ts"

const timeout = 60_000

describe("faults of a replica", () => {
  it("killed between an effect and its acknowledgement, it does nothing twice", async () => {
    await survives(killAfterEffect)
  }, timeout)

  it("killed before the commit of an effect, it leaves nothing out", async () => {
    await survives(killBeforeCommit)
  }, timeout)

  it("ended by one event again and again, it puts that event aside, and no other", async () => {
    await survives(crashLoop)
  }, timeout)
})
