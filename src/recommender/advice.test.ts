import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { Candidate } from "../../schemas/Candidate.ts"
import { adviceCandidates } from "./advice.ts"

describe("advice library", () => {
  it("holds candidates as the schema wants them, each id once", () => {
    const library = adviceCandidates()
    for (const one of library) expect(Schema.decodeUnknownSync(Candidate)(one)).toEqual(one)
    expect(new Set(library.map(({ candidateId }) => candidateId)).size).toBe(library.length)
    expect(library.length).toBeGreaterThanOrEqual(10)
  })

  it("every piece is short enough for a phone's notification and says what to do", () => {
    for (const { candidateId, title, body } of adviceCandidates()) {
      expect(candidateId).toMatch(/^advice:[a-z-]+$/)
      expect(title.length).toBeLessThanOrEqual(50)
      expect(body.length).toBeGreaterThan(40)
      expect(body.length).toBeLessThanOrEqual(160)
    }
  })
})
