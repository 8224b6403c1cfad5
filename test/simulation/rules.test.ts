/** Each rule of production matters: a run without it is found out within some seeds. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import type { ViolationKind } from "../history/checkHistory.ts"
import { planOf } from "./plan.ts"
import type { FaultName } from "./plan.ts"
import type { Spoiled } from "./replica.ts"
import { Simulation } from "./Simulation.ts"

/** Enough for the rarest of them; most are found in the first few. */
const seedsMax = 60

interface Rule {
  readonly without: string
  readonly spoiled: Spoiled
  readonly faults: ReadonlyArray<FaultName>
  readonly found: ReadonlyArray<ViolationKind>
}

/** All in the inbox is fresh: the transaction is there, and remembers nothing. */
const forgetful: Spoiled = {
  inbox: ({ handled, once }) => ({
    handled,
    once: (durable, ids, effect) => once(durable, ids.map((id) => `${id}/${forgotten++}`), () => effect(new Set(ids))),
  }),
}
let forgotten = 0

/** Every replica publishes all the time, and an id that comes again is stored again. */
const crowded: Spoiled = {
  hasNoDuplicateWindow: true,
  outbox: (outbox) => ({ ...outbox, lead: Effect.succeed(true) }),
}

const rules: ReadonlyArray<Rule> = [
  { without: "the inbox", spoiled: forgetful, faults: ["replica killed", "broker killed"], found: ["double effect"] },
  {
    without: "the expected number before a message, when two relays publish at once",
    spoiled: {
      ...crowded,
      broker: (broker) => ({
        ...broker,
        publishInOrder: (messages) =>
          Effect.gen(function* () {
            const sequences: Array<number> = []
            for (const message of messages) sequences.push(yield* broker.publish(message))
            return { sequences, end: undefined, detail: "" }
          }).pipe(Effect.orElseSucceed(() => ({ sequences: [], end: "unknown" as const, detail: "" }))),
      }),
    },
    faults: ["replica paused", "connection lost", "broker frozen", "broker rolled back"],
    found: ["order broken in the stream", "renumbered", "duplicated in the stream", "lost from the stream"],
  },
  {
    without: "the guard of the lane in the transaction of an effect, and the inbox",
    spoiled: { ...forgetful, leases: (leases) => ({ ...leases, guard: () => Effect.void }) },
    faults: ["replica paused"],
    found: ["double effect"],
  },
  {
    without: "leases: every replica believes that it holds every lane",
    spoiled: {
      leases: (leases) => ({
        ...leases,
        renew: (lanes) =>
          Effect.as(leases.renew(lanes), { held: lanes.map((lane) => ({ ...lane, epoch: 1 })), surplus: [] }),
        guard: () => Effect.void,
      }),
    },
    faults: ["replica killed", "replica paused"],
    found: ["order broken for a user"],
  },
  {
    without: "patience: messages are acknowledged before they have an effect",
    spoiled: {
      log: (log) => ({
        ...log,
        pull: (consumer, lane) =>
          Effect.tap(log.pull(consumer, lane), (messages) => {
            const last = messages.at(-1)
            return last === undefined ? Effect.void : log.settle(consumer, lane, last.sequence)
          }),
      }),
    },
    faults: ["replica killed"],
    found: ["settled before it had an effect", "no effect"],
  },
  {
    without: "eyes for holes: deliveries are numbered as if none were ever lost",
    spoiled: {
      broker: (broker) => ({
        ...broker,
        openLane: (lane, sink) => {
          let number = 0
          return broker.openLane(lane, {
            onMessage: (message) => sink.onMessage({ ...message, deliverySequence: number = number + 1 }),
            onTrouble: (trouble) => trouble === "gone" ? sink.onTrouble(trouble) : undefined,
          })
        },
        laneInfo: (stream, durable) =>
          Effect.map(broker.laneInfo(stream, durable), (info) =>
            info === undefined ? undefined : {
              ...info,
              ackPending: 0,
              delivered: { deliverySequence: 0, sequence: 0 },
              ackFloor: { deliverySequence: 0, sequence: 0 },
            }),
      }),
    },
    faults: ["connection lost", "broker killed", "replica killed"],
    found: ["order broken for a user"],
  },
  {
    without: "dead letters: what is given up is only acknowledged",
    spoiled: {
      log: (log) => ({ ...log, bury: (consumer, lane, { sequence }) => log.settle(consumer, lane, sequence) }),
    },
    faults: [],
    found: ["no effect"],
  },
]

const firstFound = ({ spoiled, faults, found }: Rule) => {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violations } = new Simulation(planOf(seed, faults), spoiled).run().verdict
    const kind = violations.find((violation) => found.includes(violation.kind))?.kind
    if (kind !== undefined) return kind
  }
  return undefined
}

describe("simulation without one rule", () => {
  it.each(rules)("finds out a system without $without", { timeout: 60_000 }, (rule) => {
    expect(rule.found).toContain(firstFound(rule))
  })

  it("does well with two relays at once and no duplicate window: the expected numbers do", { timeout: 60_000 }, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const faults = ["replica paused", "connection lost", "broker frozen", "broker killed"] as const
      const { verdict, restedAtMs } = new Simulation(planOf(seed, faults), crowded).run()
      expect([seed, verdict.violations, restedAtMs !== undefined]).toEqual([seed, [], true])
    }
  })
})
