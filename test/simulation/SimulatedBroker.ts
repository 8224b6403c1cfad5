/** The broker port over a simulated server, as one node sees it through its connection. */
import { Effect, Exit } from "effect"
import type { HistoryRecord } from "../history/history.ts"
import { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { Broker, PublishRefused } from "../../src/streams/jetstream/Broker.ts"
import type { LaneMessage, LaneSink, NewMessage, Published } from "../../src/streams/jetstream/Broker.ts"
import { headers as names } from "../../src/streams/names.ts"
import type { Link } from "./Link.ts"
import type { ServerDelivery, ServerDurable } from "./ServerDurable.ts"
import type { Stored } from "./ServerStream.ts"

/** As the client over a real server has it. */
const requestTimeoutMs = 5_000

type Record = (record: HistoryRecord) => void
type Reply = { readonly isHeard: false } | { readonly isHeard: true; readonly stored: Stored }

export const simulatedBroker = (link: Link, record: Record): Broker["Service"] => {
  const publish = publishing(link, record)
  const ask = <A>(operation: string, question: () => A): Effect.Effect<A, StoreUnavailable> =>
    Effect.callback<A, StoreUnavailable>((resume) => {
      request(link, question, (answer) =>
        resume(
          answer === undefined
            ? Exit.fail(new StoreUnavailable({ operation, cause: "no answer" }))
            : Exit.succeed(answer.value),
        ))
    })
  const stream = (name: string) => link.server.streams.get(name)
  return Broker.of({
    publishInOrder: publish.inOrder,
    publish: publish.one,
    openLane: (lane, sink) => openLane(link, record, lane, sink),
    laneInfo: (name, durable) => ask("laneInfo", () => link.server.durable(name, durable)?.info()),
    streamInfo: (name) =>
      ask("streamInfo", () => {
        const found = stream(name)
        if (found === undefined) return undefined
        const { firstSequence, lastSequence, size: messages, createdAtMs } = found
        return { firstSequence, lastSequence, messages, createdAtMs }
      }),
    messages: (name, { fromSequence, toSequence, limit }) =>
      ask(
        "messages",
        () => (stream(name)?.from(fromSequence) ?? []).filter(({ sequence }) => sequence <= toSequence).slice(0, limit),
      ),
    beginAt: (name, sequence) => ask("beginAt", () => stream(name)?.purge(sequence)),
    state: Effect.sync(() => ({ isUp: link.isUp, problem: link.isUp ? undefined : "no broker answers" })),
  })
}

/** Answers undefined when there is no answer in time, or no connection. */
const request = <A>(link: Link, question: () => A, answer: (given: { readonly value: A } | undefined) => void) => {
  let isOpen = true
  const end = (given: { readonly value: A } | undefined) => {
    if (!isOpen) return
    isOpen = false
    cancel()
    link.onChange.delete(lost)
    answer(given)
  }
  const lost = () => end(undefined)
  const cancel = link.world.after(
    link.isUp ? requestTimeoutMs : 0,
    () => link.world.deliver(link.node, () => end(undefined)),
  )
  link.onChange.add(lost)
  link.send(() => {
    const value = question()
    link.reply(() => end({ value }))
  })
}

const publishing = (link: Link, record: Record) => {
  const send = (
    { subject, headers, payload }: NewMessage,
    expected: { readonly sequence: number; readonly messageId: string | undefined } | undefined,
    told: (reply: Reply) => void,
  ) =>
    request(
      link,
      (): Stored => {
        link.server.remember()
        const all = expected === undefined ? headers : {
          ...headers,
          "Nats-Expected-Last-Sequence": String(expected.sequence),
          // Numbers alone do not do: a foreign message makes the first wrong and the second right.
          ...(expected.messageId === undefined ? {} : { "Nats-Expected-Last-Msg-Id": expected.messageId }),
        }
        return link.server.streamOf(subject)?.publish(subject, all, payload) ??
          { end: "no-stream", detail: "no stream takes the subject" }
      },
      (answer) => told(answer === undefined ? { isHeard: false } : { isHeard: true, stored: answer.value }),
    )

  const inOrder = (messages: ReadonlyArray<NewMessage>, expectedLastSequence: number) =>
    Effect.callback<Published>((resume) => {
      const replies: Array<Reply> = []
      let left = messages.length
      const done = () => resume(Effect.succeed(publishedOf(replies, messages, expectedLastSequence, link, record)))
      if (left === 0) return done()
      for (const [index, message] of messages.entries()) {
        const expected = {
          sequence: expectedLastSequence + index,
          messageId: messages[index - 1]?.headers[names.messageId],
        }
        send(message, expected, (reply) => {
          replies[index] = reply
          if (--left === 0) done()
        })
      }
    })

  const one = (message: NewMessage) =>
    Effect.callback<number, PublishRefused | StoreUnavailable>((resume) =>
      send(message, undefined, (reply) =>
        resume(
          !reply.isHeard
            ? Exit.fail(new StoreUnavailable({ operation: "publish", cause: "no answer" }))
            : "end" in reply.stored
            ? Exit.fail(new PublishRefused(reply.stored))
            : Exit.succeed(reply.stored.sequence),
        ))
    )
  return { inOrder, one }
}

const publishedOf = (
  replies: ReadonlyArray<Reply>,
  messages: ReadonlyArray<NewMessage>,
  expectedLastSequence: number,
  link: Link,
  record: Record,
): Published => {
  const sequences: Array<number> = []
  for (const [index, reply] of replies.entries()) {
    if (!reply.isHeard) return { sequences, end: "unknown", detail: "no answer" }
    const { stored } = reply
    if ("end" in stored) return { sequences, ...stored }
    const { sequence } = stored
    if (sequence !== expectedLastSequence + 1 + index) {
      return { sequences, end: "wrong-last-sequence", detail: `stored as ${sequence}`, storedAs: sequence }
    }
    sequences.push(sequence)
    const { subject, headers } = messages[index]!
    const stream = link.server.streamOf(subject)?.config.name
    if (stream !== undefined) {
      record({ kind: "published", stream, sequence, messageId: headers[names.messageId] ?? "" })
    }
  }
  return { sequences, end: undefined, detail: "" }
}

const openLane = (
  link: Link,
  record: Record,
  lane: { readonly stream: string; readonly durable: string },
  sink: LaneSink,
) =>
  Effect.acquireRelease(
    Effect.callback<() => void, StoreUnavailable>((resume) => {
      const unavailable = new StoreUnavailable({ operation: `open lane ${lane.durable}`, cause: "no such lane" })
      request(link, () =>
        link.server.durable(lane.stream, lane.durable) !== undefined, (isThere) =>
        resume(isThere?.value === true ? Exit.succeed(attach(link, record, lane, sink)) : Exit.fail(unavailable)))
    }),
    (close) =>
      Effect.sync(close),
  ).pipe(Effect.asVoid)

/** How often a client whose durable is gone asks for it. */
const askAgainMs = 500

/** Keeps pulls waiting at the server, over disconnections and over durables that come and go. */
const attach = (
  link: Link,
  record: Record,
  lane: { readonly stream: string; readonly durable: string },
  sink: LaneSink,
): () => void => {
  let isOpen = true
  let attached: ServerDurable | undefined
  const onDelivery = (durable: ServerDurable) => (delivery: ServerDelivery) =>
    link.reply(() => {
      if (!isOpen) return
      const { message: { sequence, headers }, deliveryCount } = delivery
      const messageId = headers[names.messageId] ?? ""
      const { stream } = lane
      const name = consumerOf(lane.durable)
      record({ kind: "delivered", durable: name, replica: link.node.name, deliveryCount, stream, sequence, messageId })
      sink.onMessage(laneMessage(link, record, lane, durable, delivery))
    })
  const ask = () => {
    if (!isOpen) return
    link.send(() => {
      const durable = link.server.durable(lane.stream, lane.durable)
      if (!isOpen || (durable !== undefined && durable === attached)) return
      attached = durable
      if (durable === undefined) return link.reply(() => isOpen ? sink.onTrouble("gone") : undefined)
      const opener = onDelivery(durable)
      link.server.remember()
      durable.open(opener)
      const leave = () => durable.close(opener)
      link.onServerClose.add(leave)
      closers.push(leave)
    })
  }
  const closers: Array<() => void> = []
  const watch = () => {
    if (!isOpen || link.node.state === "dead") return
    // What a client learns from heartbeats that do not come.
    if (attached !== undefined && link.server.durable(lane.stream, lane.durable) !== attached) ask()
    else if (attached === undefined) ask()
    link.world.after(askAgainMs, () => link.world.deliver(link.node, watch))
  }
  const onChange = (isUp: boolean) => {
    attached = undefined
    if (!isUp) return
    sink.onTrouble("interrupted")
    ask()
  }
  link.onChange.add(onChange)
  watch()
  return () => {
    isOpen = false
    link.onChange.delete(onChange)
    link.send(() => closers.forEach((close) => close()))
  }
}

const laneMessage = (
  link: Link,
  record: Record,
  lane: { readonly stream: string; readonly durable: string },
  durable: ServerDurable,
  { message, deliverySequence, deliveryCount }: ServerDelivery,
): LaneMessage => {
  const { sequence, subject, headers, payload } = message
  // A durable that was loaded again after a death is another object of the same name.
  const now = () => link.server.durable(lane.stream, lane.durable) ?? durable
  const settle = () =>
    link.send(() => {
      link.server.remember()
      // Under its number may stand another message by now.
      const settled = link.server.streams.get(lane.stream)?.get(sequence)?.headers[names.messageId] ?? ""
      if (!now().ack(sequence, deliverySequence)) return
      record({
        kind: "settled",
        durable: consumerOf(lane.durable),
        stream: lane.stream,
        sequence,
        messageId: settled,
      })
    })
  return {
    sequence,
    subject,
    headers,
    payload,
    deliverySequence,
    deliveryCount,
    ack: settle,
    term: settle,
    nak: (delayMs) => link.send(() => now().nak(sequence, delayMs)),
    working: () => link.send(() => now().working(sequence)),
  }
}

/** Histories name consumers; a durable on the broker is one lane of one. */
const consumerOf = (durable: string): string => durable.replace(/-v\d+-\w+-\w+$/, "")
