/**
 * Events as they were written by every version so far. What is on somebody's disk must be read by every later version,
 * so a golden file is never changed: a payload that changes its meaning gets a new schema version and its own files.
 *
 * `GOLDEN=write vitest run schemas/golden.test.ts` writes the files that are missing.
 */
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf"
import fs from "node:fs"
import process from "node:process"
import { describe, expect, it } from "vitest"
import { exampleEvents } from "./events.fixture.ts"
import * as constructors from "./events.ts"
import { EnvelopeSchema } from "./gen/tipstream/events/v1/envelope_pb.ts"

const folder = new URL("golden/", import.meta.url)

if (process.env["GOLDEN"] === "write") {
  for (const [name, event] of Object.entries(exampleEvents)) {
    const file = (ending: string) => new URL(`${name}.v${event.schemaVersion}.${ending}`, folder)
    if (fs.existsSync(file("binpb"))) continue
    fs.writeFileSync(file("binpb"), toBinary(EnvelopeSchema, event))
    fs.writeFileSync(file("json"), `${JSON.stringify(toJson(EnvelopeSchema, event), null, 2)}\n`)
  }
}

const stored = fs.readdirSync(folder).filter((file) => file.endsWith(".binpb")).map((file) => {
  const name = file.slice(0, -".binpb".length)
  const bytes = new Uint8Array(fs.readFileSync(new URL(file, folder)))
  return { name, bytes, json: JSON.parse(fs.readFileSync(new URL(`${name}.json`, folder), "utf8")) }
})

describe("golden events", () => {
  it.each(stored)("$name - the bytes are read as they were meant", ({ bytes, json }) => {
    expect(toJson(EnvelopeSchema, fromBinary(EnvelopeSchema, bytes))).toEqual(json)
  })

  it.each(stored)("$name - the JSON is read as they were meant, and no name in it is unknown", ({ bytes, json }) => {
    expect(fromJson(EnvelopeSchema, json)).toEqual(fromBinary(EnvelopeSchema, bytes))
  })

  it.each(stored)("$name - reading and writing gives the same bytes", ({ bytes }) => {
    expect(toBinary(EnvelopeSchema, fromBinary(EnvelopeSchema, bytes))).toEqual(bytes)
  })

  it.each(Object.entries(exampleEvents))("%s - is made today as it is kept", (name, event) => {
    const golden = stored.find((one) => one.name === `${name}.v${event.schemaVersion}`)
    expect(golden, `${name} has no golden file of version ${event.schemaVersion}`).toBeDefined()
    expect(toBinary(EnvelopeSchema, event)).toEqual(golden!.bytes)
  })

  it("there are examples of every payload, every reaction and every constructor", () => {
    const examples = Object.values(exampleEvents)
    const payloads = EnvelopeSchema.oneofs.find((one) => one.name === "payload")!.fields.map((field) => field.localName)
    expect(new Set(examples.map((event) => event.payload.case))).toEqual(new Set(payloads))
    expect(Object.keys(exampleEvents).filter((name) => name.startsWith("feedback.reaction.recorded-")).toSorted())
      .toEqual(Object.keys(constructors.reactionKinds).map((kind) => `feedback.reaction.recorded-${kind}`).toSorted())
    const types = new Set(examples.map((event) => event.type))
    for (const change of ["appeared", "updated", "completed", "removed", "occurrence_completed", "restored"]) {
      expect(types).toContain(`signals.task.${change}`)
    }
    for (const state of ["connected", "needs-reconnect", "disconnected"]) {
      expect(types).toContain(`signals.connection.${state}`)
    }
    const makers = Object.entries(constructors).filter(([name, made]) =>
      typeof made === "function" && name !== "reactionOfKind"
    )
    expect(makers.map(([name]) => name).toSorted()).toEqual(payloads.toSorted())
  })

  it("each example is named by its type", () => {
    for (const [name, event] of Object.entries(exampleEvents)) {
      expect(name === event.type || name.startsWith(`${event.type}-`), name).toBe(true)
    }
  })
})

describe("reactions", () => {
  it("are found again by their kind on the wire, and an unknown kind is none", () => {
    for (const [reaction, kind] of Object.entries(constructors.reactionKinds)) {
      expect(constructors.reactionOfKind(kind)).toBe(reaction)
    }
    expect(constructors.reactionOfKind(0)).toBeUndefined()
    expect(constructors.reactionOfKind(99 as never)).toBeUndefined()
  })
})
