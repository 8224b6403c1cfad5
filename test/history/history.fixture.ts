/** Valid histories to judge and to spoil: some events of some users in one stream, worked through by two durables. */
import type { Expectations } from "./checkHistory.ts"
import type { HistoryRecord } from "./history.ts"

export const stream = "ACCOUNTS"
export const durables = ["learner", "tips"]

export const expectations: Expectations = {
  consumers: durables.map((durable) => ({ durable, stream })),
  mayDie: (_durable, eventId) => eventId.startsWith("poison"),
}

export interface PlannedEvent {
  readonly user: number
  readonly fate: "well" | "delivered twice" | "dies" | "redriven"
}

/** Each event goes all its way before the next one does; redrives come last. */
export const historyOf = (planned: ReadonlyArray<PlannedEvent>): Array<HistoryRecord> => {
  const events = planned.map(({ user, fate }, index) => ({
    eventId: `${fate === "dies" || fate === "redriven" ? "poison" : "event"}-${index + 1}`,
    tenantId: "acme",
    userId: `u${user}`,
    sequence: index + 1,
    fate,
  }))
  const history = events.flatMap(({ fate, sequence, eventId, ...owner }): Array<HistoryRecord> => {
    const message = { stream, sequence, messageId: eventId }
    return [
      { kind: "appended", eventId, stream, committed: sequence, ...owner },
      { kind: "published", ...message },
      ...durables.flatMap((durable): Array<HistoryRecord> => {
        const lane = { durable, replica: "a" }
        const dies = (fate === "dies" || fate === "redriven") && durable === "tips"
        return [
          { kind: "delivered", ...lane, deliveryCount: 1, ...message },
          ...(fate === "delivered twice"
            ? [{ kind: "delivered", ...lane, deliveryCount: 2, ...message } as const]
            : []),
          dies ? { kind: "deadLetter", durable, ...message } : { kind: "effect", ...lane, eventId, ...owner },
          { kind: "settled", durable, ...message },
        ]
      }),
    ]
  })
  const redriven = events.filter(({ fate }) => fate === "redriven")
  for (const [index, { fate: _, sequence: _first, eventId, ...owner }] of redriven.entries()) {
    const message = { stream, sequence: planned.length + index + 1, messageId: `${eventId}:redrive:1` }
    history.push({ kind: "redriven", eventId, messageId: message.messageId }, { kind: "published", ...message })
    for (const durable of durables) {
      history.push({ kind: "delivered", durable, replica: "a", deliveryCount: 1, ...message })
      if (durable === "tips") history.push({ kind: "effect", durable, replica: "a", eventId, ...owner })
      history.push({ kind: "settled", durable, ...message })
    }
  }
  const stored = history.flatMap((record): Array<HistoryRecord> =>
    record.kind === "published" ? [{ ...record, kind: "stored" }] : []
  )
  return [...history, ...stored, ...durables.map((durable) => ({ kind: "remaining", durable, messages: 0 } as const))]
}
