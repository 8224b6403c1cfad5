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
import { laneContract, streamContracts } from "../../src/streams/contracts.ts"
import type { ConsumerContract } from "../../src/streams/EventLog.ts"
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
const taskChanges = [
  "appeared",
  "updated",
  "completed",
  "removed",
  "occurrence_completed",
  "restored",
] as const
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

  const defaultOf = (name: string) => Number(settings.find((setting) => setting.name === name)?.default)
  const contractSettings = {
    partitions: defaultOf("PARTITIONS"),
    replicas: defaultOf("NATS_REPLICAS"),
    ackWaitMs: defaultOf("CONSUMER_ACK_WAIT_MS"),
    attemptsMax: defaultOf("CONSUMER_ATTEMPTS_MAX"),
    limits: [],
  }

  it("gives every stream on NATS its limits", () => {
    const streams = streamContracts(contractSettings)
    const count = (value: number) => value === -1 ? "unlimited" : value.toLocaleString("en-US")
    expect(table("Streams on NATS")).toEqual(streams.map((stream) => [
      stream.name,
      stream.subjects.join(),
      `${stream.max_age / 86_400e9} days`,
      count(stream.max_msgs),
      stream.discard,
    ]))
    const common = { max_msg_size: 1_048_576, duplicate_window: 120e9, max_bytes: -1, storage: "file" }
    for (const stream of streams) {
      expect(stream).toMatchObject({ ...common, retention: "limits", deny_delete: false, deny_purge: false })
    }
  })

  it("gives the durables on NATS their limits", () => {
    const consumer = {
      durable: "d",
      stream: "SIGNALS",
      ordering: "partition",
      batchMax: defaultOf("CONSUMER_BATCH_MAX"),
    }
    const { config } = laneContract(consumer as ConsumerContract, 7, contractSettings)
    expect(config.durable_name).toMatch(/^d-v1-p07-[0-9a-f]{8}$/)
    const said = Object.fromEntries(table("Durables on NATS").map(([field, value]) => [field, value]))
    expect(said).toEqual({
      filter_subject: expect.stringContaining(
        config.filter_subject.replace("signals", "<class>").replace("07", "<partition>"),
      ),
      ack_policy: config.ack_policy,
      ack_wait: `${config.ack_wait / 1e9} s`,
      max_deliver: String(config.max_deliver),
      max_ack_pending: String(config.max_ack_pending),
      max_waiting: String(config.max_waiting),
      replay_policy: config.replay_policy,
    })
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
