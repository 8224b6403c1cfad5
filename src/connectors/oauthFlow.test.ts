import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { challengeOf, isState, sha256, stateOf, verifierOf, wishOf } from "./oauthFlow.ts"

const random = fc.uint8Array({ minLength: 32, maxLength: 32 })

const none = { mayAct: false, replaces: false }

describe("a way by OAuth", () => {
  it("makes the challenge that RFC 7636 gives as its example (appendix B)", () => {
    expect(challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
      .toBe("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
  })

  it("has a state of 256 bits that also says what was wished", () => {
    fc.assert(fc.property(random, fc.boolean(), fc.boolean(), (bytes, mayAct, replaces) => {
      const state = stateOf(bytes, { mayAct, replaces })
      expect(isState(state)).toBe(true)
      expect(wishOf(state)).toEqual({ mayAct, replaces })
      expect(Buffer.from(state.split(".")[0]!, "base64url")).toEqual(Buffer.from(bytes))
    }))
  })

  it("takes nothing else for a state", () => {
    const state = stateOf(new Uint8Array(32), none)
    for (const text of ["", state.slice(1), `${state}A`, `${state}.`, `${state}.ra`, `${state}.a.r`, `${state}\n`]) {
      expect([text, isState(text)]).toEqual([text, false])
    }
  })

  it("has a verifier of its own for every session and every state, as long as RFC 7636 wants", () => {
    fc.assert(fc.property(random, random, fc.string(), (one, other, session) => {
      const state = stateOf(one, none)
      const verifier = verifierOf(session, state)
      expect(verifier).toMatch(/^[A-Za-z0-9_-]{43}$/)
      expect(verifier).not.toBe(verifierOf(`${session}x`, state))
      expect(verifier).not.toBe(verifierOf(session, stateOf(one, { ...none, replaces: true })))
      fc.pre(Buffer.compare(one, other) !== 0)
      expect(verifier).not.toBe(verifierOf(session, stateOf(other, none)))
    }))
  })

  it("is known by digests of 256 bits", () => {
    expect(Buffer.from(sha256("abc")).toString("hex"))
      .toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  })
})
