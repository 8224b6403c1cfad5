import { describe, expect, it } from "vitest"
import { firstSentence, listed } from "./listed.mjs"

describe("the programs of a folder", () => {
  it("say their whole first sentence, over lines and colons", () => {
    expect(firstSentence("/** One. Two. */\n")).toBe("One.")
    expect(firstSentence("/**\n * All of it: version 2.9\n * too.\n *\n * More.\n */\n")).toBe(
      "All of it: version 2.9 too.",
    )
    expect(firstSentence("/** No end */")).toBe("No end")
    expect(firstSentence("import 1 from 2\n/** Later. */")).toBe("")
  })

  it.each([["bench", ".bench.ts"], ["test/chaos/scenarios", ".ts"]])("of %s all say something", (folder, ending) => {
    for (const { name, says } of listed(folder, ending)) expect(says, name).toMatch(/^[A-Z].{20,}\.$/)
  })
})
