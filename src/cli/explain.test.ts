import { Cause, Schema } from "effect"
import { CliError } from "effect/cli"
import { describe, expect, it } from "vitest"
import { explain } from "./explain.ts"
import { CannotStart } from "./problem.ts"

class Surprise extends Schema.TaggedError<Surprise>()("Surprise", {}) {}

describe("what a command that failed says", () => {
  it("the sentence of a failure that is the surroundings', without a stack", () => {
    expect(explain(Cause.fail(new CannotStart({ lines: ["one", "two"] })))).toBe("tipstream: one\ntwo")
  })

  it("the stack of anything else, as a mistake of ours", () => {
    for (const cause of [Cause.fail(new Surprise()), Cause.die(new TypeError("x is undefined"))]) {
      expect(explain(cause)).toMatch(
        /^tipstream: this is a mistake in tipstream, please report it\n[^]*explain\.test\.ts/,
      )
    }
  })

  it("a permission that Deno was not given, with the way to give it", () => {
    const denied = Object.assign(new Error('Requires net access to "db:5432"'), { name: "NotCapable" })
    expect(explain(Cause.die(denied))).toContain('Requires net access to "db:5432"): start with bin/tipstream')
  })

  it("a full disk, which Deno throws where something is written", () => {
    const full = new Error("No space left on device (os error 28)")
    expect(explain(Cause.die(full))).toBe("tipstream: the disk is full where this is written to")
  })

  it("nothing after a stop that was asked for, nor below help", () => {
    expect(explain(Cause.interrupt(1))).toBeUndefined()
    expect(explain(Cause.fail(new CliError.ShowHelp({ commandPath: ["tipstream"], errors: [] })))).toBeUndefined()
  })
})
