import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import fc from "fast-check"
import type { Owner } from "../../schemas/ids.ts"
import type { Accounts } from "../identity/Accounts.ts"
import type { Outbox } from "../streams/Outbox.ts"
import type { UserLease } from "../actors/UserSyncStore.ts"
import { newUser } from "./store.fixture.ts"
import * as Store from "./store.fixture.ts"
import { leaseMs, node, passTime, write } from "./userLeases.fixture.ts"
import type { Node } from "./userLeases.fixture.ts"

const nodes = 3

/** `which`: of all the leases a node ever had of that user, the newest first: an actor that was left behind goes on. */
type Step =
  | { readonly do: "open"; readonly node: number; readonly user: number }
  | {
    readonly do: "renew" | "close" | "commit"
    readonly node: number
    readonly user: number
    readonly which: number
  }
  /** Everybody is paused for so long. */
  | { readonly do: "wait"; readonly tenths: number }
  /** All nodes at once. */
  | { readonly do: "all open" | "all commit"; readonly user: number }

const [aNode, aUser] = [fc.nat(nodes - 1), fc.nat(1)]
const which = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) })
const act = (name: "renew" | "close" | "commit") =>
  fc.record({ do: fc.constant(name), node: aNode, user: aUser, which })
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("open" as const), node: aNode, user: aUser }) },
    { weight: 6, arbitrary: act("commit") },
    { weight: 3, arbitrary: act("renew") },
    { weight: 2, arbitrary: act("close") },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), tenths: fc.integer({ min: 1, max: 11 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom("all open" as const, "all commit" as const), user: aUser }),
    },
  ),
  { minLength: 10, maxLength: 60 },
) as fc.Arbitrary<ReadonlyArray<Step>>

/** What one user's lease and connection must be. */
interface Model {
  readonly owner: Owner
  holder: number | null
  epoch: number
  untilMs: number
  version: number
  cursor: string | null
}

type Answer = "ok" | "UserHeld" | "LeaseLost" | "StaleVersion" | "StoreUnavailable"

const answerOf = <A>(effect: Effect.Effect<A, { readonly _tag: Exclude<Answer, "ok"> }>) =>
  Effect.match(effect, {
    onSuccess: (value) => ({ answer: "ok" as Answer, value }),
    onFailure: (error) => ({ answer: error._tag as Answer, value: undefined }),
  })

class World {
  nowMs = 0
  readonly nodes: ReadonlyArray<Node>
  readonly users: ReadonlyArray<Model>
  /** By node and user, the newest first. */
  readonly #leases = new Map<string, Array<UserLease>>()
  #writes = 0

  constructor(nodes: ReadonlyArray<Node>, owners: ReadonlyArray<Owner>) {
    this.nodes = nodes
    this.users = owners.map((owner) => ({ owner, holder: null, epoch: 0, untilMs: 0, version: 0, cursor: null }))
  }

  leasesOf(node: number, user: number): Array<UserLease> {
    const key = `${node}/${user}`
    const known = this.#leases.get(key) ?? []
    this.#leases.set(key, known)
    return known
  }

  isValid(model: Model, node: number, lease: UserLease): boolean {
    return model.holder === node && model.epoch === lease.epoch && model.untilMs > this.nowMs
  }

  readonly open = (node: number, user: number) =>
    Effect.map(answerOf(this.nodes[node]!.open(this.users[user]!.owner)), ({ answer, value }) => {
      if (value !== undefined) this.leasesOf(node, user).unshift(value.lease)
      return { node, answer, session: value }
    })

  /** Sequential: exactly as the model says. */
  readonly expectOpen = Effect.fnUntraced(function* (this: World, node: number, user: number) {
    const model = this.users[user]!
    const isFree = model.holder === null || model.holder === node || model.untilMs <= this.nowMs
    const { answer, session } = yield* this.open(node, user)
    expect(answer).toBe(isFree ? "ok" : "UserHeld")
    if (session !== undefined) this.took(model, node, session.lease.epoch)
    if (session !== undefined) expect(session.connections[0]?.cursor ?? null).toBe(model.cursor)
  })

  took(model: Model, node: number, epoch: number): void {
    expect(epoch, "epochs rise by one").toBe(model.epoch + 1)
    Object.assign(model, { holder: node, epoch, untilMs: this.nowMs + leaseMs })
  }

  /** From the version that is there, so that nothing but the lease can refuse it. */
  readonly commit = (node: number, user: number, lease: UserLease) => {
    const cursor = `${node}/${lease.epoch}/${this.#writes++}`
    return Effect.map(
      answerOf(write(this.nodes[node]!, lease, this.users[user]!.version, cursor)),
      ({ answer }) => ({ node, lease, cursor, answer }),
    )
  }

  wrote(model: Model, cursor: string): void {
    Object.assign(model, { version: model.version + 1, cursor, untilMs: this.nowMs + leaseMs })
  }
}

const expectAct = Effect.fnUntraced(function* (world: World, step: Extract<Step, { readonly which: number }>) {
  const { node, user } = step
  const model = world.users[user]!
  const lease = world.leasesOf(node, user)[step.which]
  if (lease === undefined) return
  const isValid = world.isValid(model, node, lease)
  if (step.do === "commit") {
    const { answer, cursor } = yield* world.commit(node, user, lease)
    expect(answer).toBe(isValid ? "ok" : "LeaseLost")
    if (isValid) world.wrote(model, cursor)
  } else if (step.do === "renew") {
    const { answer } = yield* answerOf(world.nodes[node]!.renew(lease))
    expect(answer).toBe(isValid ? "ok" : "LeaseLost")
    if (isValid) model.untilMs = world.nowMs + leaseMs
  } else {
    yield* Effect.orDie(world.nodes[node]!.close(lease))
    if (model.holder === node && model.epoch === lease.epoch) model.holder = null
  }
})

/** At once: any order may have been, but one of them wins, and no more than one. */
const expectTogether = Effect.fnUntraced(function* (world: World, name: "all open" | "all commit", user: number) {
  const model = world.users[user]!
  const all = [...world.nodes.keys()]
  if (name === "all open") {
    const isFree = model.holder === null || model.untilMs <= world.nowMs
    const answers = yield* Effect.forEach(all, (node) => world.open(node, user), { concurrency: "unbounded" })
    const taken = answers.flatMap(({ node, session }) => session === undefined ? [] : [{ node, session }])
    expect(taken).toHaveLength(1)
    if (!isFree) expect(taken[0]!.node).toBe(model.holder)
    world.took(model, taken[0]!.node, taken[0]!.session.lease.epoch)
    return
  }
  const tries = all.flatMap((node) => world.leasesOf(node, user).slice(0, 2).map((lease) => ({ node, lease })))
  const valid = tries.filter(({ node, lease }) => world.isValid(model, node, lease))
  const answers = yield* Effect.forEach(tries, ({ node, lease }) => world.commit(node, user, lease), {
    concurrency: "unbounded",
  })
  const written = answers.filter(({ answer }) => answer === "ok")
  expect(written).toHaveLength(valid.length)
  for (const { lease, cursor } of written) {
    expect(lease.epoch).toBe(model.epoch)
    world.wrote(model, cursor)
  }
})

const play = Effect.fnUntraced(function* (script: ReadonlyArray<Step>) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DELETE FROM user_leases`
  const world = new World(
    yield* Effect.forEach([...Array(nodes).keys()], (n) => node(`node ${n}`)),
    [yield* newUser, yield* newUser],
  )
  for (const step of script) {
    if (step.do === "wait") {
      world.nowMs += (leaseMs * step.tenths) / 10
      yield* passTime((leaseMs * step.tenths) / 10)
    } else if ("which" in step) yield* expectAct(world, step)
    else if ("node" in step) yield* world.expectOpen(step.node, step.user)
    else yield* expectTogether(world, step.do, step.user)
    for (const { owner, version, cursor } of world.users) {
      const kept = yield* world.nodes[0]!.load(owner, "todoist")
      expect([kept?.version ?? 0, kept?.cursor ?? null]).toEqual([version, cursor])
    }
  }
})

describe("sql user leases, against a model", () => {
  it.live(
    "whatever the order of takings, renewals, returns, writes and pauses, one writes at a time, epochs rise, and no " +
      "write under an old one lands",
    () =>
      Effect.gen(function* () {
        const context = yield* Effect.context<SqlClient.SqlClient | Outbox | Accounts>()
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(steps, (script) => Effect.runPromiseWith(context)(Effect.scoped(play(script)))),
            { numRuns: 40 },
          )
        )
      }).pipe(Effect.provide(Store.layer)),
    60_000,
  )
})
