import type { DescMessage } from "@bufbuild/protobuf"
import { describe, expect, it } from "vitest"
import * as Events from "../../schemas/events.ts"
import { AccountOpenedSchema } from "../../schemas/gen/tipstream/events/v1/accounts_pb.ts"
import {
  ContextSnapshotSchema,
  JudgedCandidateSchema,
  TipServedSchema,
} from "../../schemas/gen/tipstream/events/v1/decisions_pb.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import {
  ReactionKindSchema,
  ReactionRecordedSchema,
  TipExpiredSchema,
} from "../../schemas/gen/tipstream/events/v1/feedback_pb.ts"
import {
  ConnectionChangedSchema,
  ConnectionStateSchema,
  Task_DueSchema,
  TaskChangedSchema,
  TaskChangeSchema,
  TaskSchema,
} from "../../schemas/gen/tipstream/events/v1/signals_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"
import { settings } from "../../src/config.ts"
import { learnerDurable } from "../../src/recommender/Learning.ts"
import { projectorDurable } from "../../src/recommender/Projector.ts"
import { retentionMs } from "../../src/store/retention.ts"
import { headers, streamOfClass, subjectOf } from "../../src/streams/names.ts"
import { read, rows, section, spans } from "./markdown.ts"

const page = read("docs/wire-contract.md")
const table = (heading: string) => rows(section(page, heading))
const firstCells = (heading: string) => table(heading).map((row) => row[0]!)

const occurrence = {
  tenantId: TenantId.make("acme"),
  userId: UserId.make("u8f3kq"),
  id: "1",
  atMs: 0,
  correlationId: "",
}
const taskChanges = ["appeared", "updated", "completed", "removed"] as const
const connectionStates = ["connected", "needs-reconnect", "disconnected"] as const

/** One event of each type, by the constructors that make them; `made` below says that none is forgotten. */
const events: ReadonlyArray<Envelope> = [
  ...taskChanges.map((change) => Events.taskChanged(occurrence, change, {})),
  ...connectionStates.map((state) => Events.connectionChanged(occurrence, "todoist", state)),
  Events.tipServed(occurrence, {}),
  Events.reactionRecorded(occurrence, {}),
  Events.tipExpired(occurrence, {}),
  Events.accountOpened(occurrence, {}),
]

const payloads = EnvelopeSchema.oneofs.flatMap((oneof) => oneof.fields)

const kindOf = (field: DescMessage["fields"][number]): string => {
  if (field.fieldKind === "list") return field.listKind === "message" ? "repeated" : "repeated scalar"
  return field.fieldKind
}

describe("the wire contract page", () => {
  it("made of every payload and every enum value there is", () => {
    expect(new Set(events.map((event) => event.payload.case))).toEqual(
      new Set(payloads.map((field) => field.localName)),
    )
    expect(taskChanges.length).toBe(TaskChangeSchema.values.length - 1)
    expect(connectionStates.length).toBe(ConnectionStateSchema.values.length - 1)
  })

  it("names every event with its payload and source, and no other", () => {
    const known = events.map((event) => {
      const payload = payloads.find((field) => field.localName === event.payload.case)!
      return [event.type, payload.name, event.source]
    })
    expect(table("Events").map((row) => [row[0], row[1], row[3]])).toEqual(known)
    const named = spans(page).filter((span) => /^(signals|decisions|feedback|accounts)\.[a-z]+\.[a-z-]+$/.test(span))
    expect(named.filter((type) => !events.some((event) => event.type === type))).toEqual([])
  })

  it("gives every message its fields, in number, and says which payload it is", () => {
    const messages: ReadonlyArray<DescMessage> = [
      TaskChangedSchema,
      TaskSchema,
      Task_DueSchema,
      ConnectionChangedSchema,
      TipServedSchema,
      ContextSnapshotSchema,
      JudgedCandidateSchema,
      ReactionRecordedSchema,
      TipExpiredSchema,
      AccountOpenedSchema,
    ]
    for (const message of messages) {
      const fields = message.fields.map((field) => [field.name, String(field.number)])
      const byNumber = fields.toSorted((one, other) => Number(one[1]) - Number(other[1]))
      expect(table(message.name).map((row) => row.slice(0, 2)), message.name).toEqual(byNumber)
      const optional = message.fields.filter((field) => field.proto.proto3Optional).map((field) => field.name)
      const marked = table(message.name).filter((row) => row[2]!.startsWith("optional ")).map((row) => row[0])
      expect(marked.toSorted(), message.name).toEqual(optional.toSorted())
      const repeated = message.fields.filter((field) => kindOf(field).startsWith("repeated")).map((field) => field.name)
      const listed = table(message.name).filter((row) => row[2]!.startsWith("repeated ")).map((row) => row[0])
      expect(listed, message.name).toEqual(repeated)
    }
    for (const payload of payloads) {
      expect(section(page, payload.message!.name)).toContain(`Field \`${payload.name}\` (${payload.number}).`)
    }
  })

  it("gives the envelope its fields", () => {
    const own = EnvelopeSchema.fields.filter((field) => field.oneof === undefined)
    expect(table("Envelope").map((row) => row.slice(0, 2))).toEqual(
      own.map((field) => [field.name, String(field.number)]),
    )
    expect(events.every((event) => event.schemaVersion === 1)).toBe(true)
  })

  it("names every value of every enum but the unspecified one", () => {
    const values = [TaskChangeSchema, ConnectionStateSchema, ReactionKindSchema].flatMap((one) => one.values)
    const named = new Set(spans(page).filter((span) => /^(TASK_CHANGE|CONNECTION_STATE|REACTION_KIND)_/.test(span)))
    expect(named).toEqual(new Set(values.filter(({ number }) => number > 0).map(({ name }) => name)))
  })

  it("names every header, and no other", () => {
    expect(firstCells("Headers")).toEqual(Object.values(headers))
  })

  it("shows a subject as the code builds it", () => {
    const subject = subjectOf({ ...occurrence, eventClass: "signals", entity: "task", event: "appeared", partition: 7 })
    expect(spans(section(page, "Subject"))).toContain(subject)
  })

  it("names every stream with its class and retention", () => {
    const days = (ms: number) => `${ms / 86_400_000} days`
    expect(table("Streams")).toEqual(
      Object.entries(streamOfClass).map(([name, stream]) => [stream, name, days(retentionMs[stream])]),
    )
  })

  it("names every durable", () => {
    expect(firstCells("Consumers")).toEqual([projectorDurable, learnerDurable])
  })

  it("gives the limits that are settings their defaults", () => {
    const configurable = table("Limits").filter((row) => row[2] !== "fixed")
    expect(configurable.length).toBeGreaterThan(0)
    for (const [, value, name] of configurable) {
      expect([name, value]).toEqual([name, settings.find((setting) => setting.name === name)?.default])
    }
  })
})
