/**
 * Actors of several processes: each id lives on exactly one of them, whichever is asked.
 *
 * `effect/cluster` deals the shards out to the nodes and carries messages between them; what happens to a message
 * where it arrives is the local engine's. The unit the cluster knows is a shard, as one entity that holds a local
 * engine for all ids of it; a shard is given to another node only after that engine has closed.
 *
 * What differs from the local engine, and only this:
 * - A message may be handled twice when its node is lost between handling and answering, since it is then sent
 *   again. Messages must be such that this does no harm.
 * - A node that was paused beyond the expiry of its locks goes on, for at most one refresh of them, beside the actors
 *   that took over. Writes must be fenced by an epoch that is checked where they are committed.
 * - `snapshot` and `drain` are about this node. While it drains, others wait with what they have for its ids, and
 *   send it to who comes next.
 * - `actorsMax` is dealt out evenly to the shards, so that one node that is left with all of them keeps to it.
 */
import { Cause, Context, Effect, Exit, Schema, Scope } from "effect"
import { ClusterError, Entity, EntityId, type ShardId, Sharding, ShardingConfig } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { ActorStopped, type ActorSystem, AskTimeout, type EngineOptions, MailboxFull } from "./ActorSystem.ts"
import * as LocalEngine from "./LocalEngine.ts"

export interface ClusterEngineOptions<Message, Reply, E, R> extends EngineOptions<Message, Reply, E, R> {
  /** How messages and answers travel between nodes. */
  readonly schemas: Schemas<Message, Reply, E>
}

interface Schemas<Message, Reply, E> {
  readonly message: Schema.Codec<Message, unknown>
  readonly reply: Schema.Codec<Reply, unknown>
  readonly error: Schema.Codec<E, unknown>
}

/** Messages on their way through one shard: what waits at its actors, and a bound should these be very many. */
const inFlightMax = 10_000

/** For what the actors of a shard still have when it moves. Where its lock was lost, others begin meanwhile. */
const handOverMaxMs = 5_000

/** Between two tries at a node that drains. */
const drainingRetryMs = 200

/** The actors of one shard, while it is here. */
interface Shard<Message, Reply, E> {
  readonly shardId: ShardId.ShardId
  readonly local: ActorSystem<Message, Reply, E>
  readonly scope: Scope.Closeable
}

interface Node<Message, Reply, E> {
  readonly name: string
  readonly askTimeoutMs: number
  /** By entity. */
  readonly shards: Map<string, Shard<Message, Reply, E>>
  /** One for each message of this node's callers that has no answer yet: gives up on it. */
  readonly outgoing: Set<() => void>
  draining: boolean
}

export const make = Effect.fnUntraced(
  function* <Message, Reply, E, R>(
    options: ClusterEngineOptions<Message, Reply, E, R>,
  ): Effect.fn.Return<
    ActorSystem<Message, Reply, E>,
    never,
    R | Scope.Scope | Sharding.Sharding | ShardingConfig.ShardingConfig
  > {
    const node: Node<Message, Reply, E> = {
      name: options.name,
      askTimeoutMs: options.askTimeoutMs,
      shards: new Map(),
      outgoing: new Set(),
      draining: false,
    }
    yield* Effect.addFinalizer(() => Effect.sync(() => node.outgoing.forEach((giveUp) => giveUp())))
    const entity = entityOf(options.name, options.schemas)
    const client = yield* entity.client
    const entityIdOf = yield* entityIds()
    const localOf = yield* shortcut(node)
    const sharding = yield* Sharding.Sharding
    yield* sharding.registerEntity(entity, yield* makeShard(node, options), {
      concurrency: "unbounded",
      mailboxCapacity: inFlightMax,
      // It holds the actors; they are the ones that passivate.
      maxIdleTime: "Infinity",
      // Without it a defect would build the shard anew and send it the same message again, for ever.
      disableFatalDefects: true,
    })
    // Registered last, so it runs first: answers go out while the cluster still carries them.
    yield* Effect.addFinalizer(() => close(node))

    return {
      ask: (id, message) =>
        Effect.suspend(() => {
          const entityId = entityIdOf(id)
          const local = localOf(entityId)
          if (local !== undefined) return local.ask(id, message)
          return Effect.timeoutOrElse(call(node, id, client(entityId).Ask({ id, message })), {
            duration: node.askTimeoutMs,
            orElse: () => Effect.fail(timedOut(node, id)),
          })
        }),
      tell: (id, message) =>
        Effect.suspend(() => {
          const entityId = entityIdOf(id)
          const local = localOf(entityId)
          if (local !== undefined) return local.tell(id, message)
          return Effect.timeoutOrElse(call(node, id, client(entityId).Tell({ id, message })), {
            duration: node.askTimeoutMs,
            orElse: () => Effect.fail(stopped(node, id)),
          })
        }),
      snapshot: Effect.suspend(() => Effect.forEach(node.shards.values(), ({ local }) => local.snapshot)).pipe(
        Effect.map((shards) => shards.flat()),
      ),
      drain: drain(node),
    }
  },
)

const entityOf = <Message, Reply, E>(name: string, { error, message, reply }: Schemas<Message, Reply, E>) =>
  Entity.make(name, [
    Rpc.make("Ask", {
      payload: Schema.Struct({ id: Schema.String, message }),
      success: reply,
      error: Schema.Union([error, MailboxFull, ActorStopped, AskTimeout]),
    }),
    Rpc.make("Tell", {
      payload: Schema.Struct({ id: Schema.String, message }),
      error: Schema.Union([MailboxFull, ActorStopped]),
    }),
  ])

/**
 * For each actor id the id of the entity that stands for its shard: the first number that the cluster puts into that
 * shard, hence the same on every node.
 */
const entityIds = Effect.fnUntraced(function* () {
  const sharding = yield* Sharding.Sharding
  const { shardsPerGroup } = yield* ShardingConfig.ShardingConfig
  const numberOf = (id: string) => sharding.getShardId(EntityId.make(id), "default").id
  const entities = new Map<number, string>()
  for (let n = 0; entities.size < shardsPerGroup; n++) {
    const shard = numberOf(String(n))
    if (!entities.has(shard)) entities.set(shard, String(n))
  }
  return (id: string) => entities.get(numberOf(id)) ?? id
})

/**
 * The engine of a shard that is here and stays: many times faster than a message through the cluster, which only finds
 * the same engine. Not where that way is to be tried: where messages are encoded although they stay here.
 */
const shortcut = Effect.fnUntraced(function* <Message, Reply, E>(node: Node<Message, Reply, E>) {
  const sharding = yield* Sharding.Sharding
  const { simulateRemoteSerialization } = yield* ShardingConfig.ShardingConfig
  return (entityId: string): ActorSystem<Message, Reply, E> | undefined => {
    if (simulateRemoteSerialization || node.draining) return undefined
    const shard = node.shards.get(entityId)
    return shard !== undefined && sharding.hasShardId(shard.shardId) ? shard.local : undefined
  }
})

/** What the cluster runs when a shard comes here. Its scope closes before the shard goes elsewhere. */
const makeShard = Effect.fnUntraced(
  function* <Message, Reply, E, R>(node: Node<Message, Reply, E>, options: ClusterEngineOptions<Message, Reply, E, R>) {
    const { shardsPerGroup } = yield* ShardingConfig.ShardingConfig
    const actorsMax = Math.ceil(options.actorsMax / shardsPerGroup)
    // What the actors see is where the engine was made, not what the cluster happens to run a shard in.
    const context = yield* Effect.context<R>()

    return Effect.gen(function* () {
      const { entityId, shardId } = yield* Entity.CurrentAddress
      const shard = yield* Effect.acquireRelease(
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const local = yield* LocalEngine.make({ ...options, actorsMax }).pipe(
            Effect.provideContext(Context.add(context, Scope.Scope, scope)),
          )
          const shard: Shard<Message, Reply, E> = { shardId, local, scope }
          node.shards.set(entityId, shard)
          return shard
        }),
        (shard) =>
          Effect.timeoutOption(Effect.interruptible(shard.local.drain), handOverMaxMs).pipe(
            Effect.andThen(Scope.close(shard.scope, Exit.void)),
            Effect.ensuring(Effect.sync(() => node.shards.get(entityId) === shard && node.shards.delete(entityId))),
          ),
      )
      const unless = <A, F>(id: string, effect: Effect.Effect<A, F>) =>
        Effect.suspend((): Effect.Effect<A, F | ActorStopped> => node.draining ? refused(node, id) : effect)
      return {
        Ask: ({ payload: { id, message } }: Delivered<Message>) => unless(id, shard.local.ask(id, message)),
        Tell: ({ payload: { id, message } }: Delivered<Message>) => unless(id, shard.local.tell(id, message)),
      }
    })
  },
)

interface Delivered<Message> {
  readonly payload: { readonly id: string; readonly message: Message }
}

type Undelivered =
  | ClusterError.MailboxFull
  | ClusterError.EntityNotAssignedToRunner
  | ClusterError.AlreadyProcessingMessage
  | ClusterError.PersistenceError

/**
 * Runs apart from its caller: taking a message back is itself a message, and a caller that leaves must not wait until
 * a node that hangs has read it.
 */
const call = <Message, Reply, E, A, F>(
  node: Node<Message, Reply, E>,
  id: string,
  send: Effect.Effect<A, F | Undelivered>,
): Effect.Effect<A, F | MailboxFull | ActorStopped> =>
  Effect.withFiber((caller) =>
    Effect.callback((resume) => {
      if (node.draining) return resume(refused(node, id))
      const fiber = Effect.runForkWith(caller.context)(resend(node, send))
      const leave = () => {
        node.outgoing.delete(giveUp)
        fiber.interruptUnsafe()
      }
      const giveUp = () => {
        leave()
        resume(Effect.fail(stopped(node, id)))
      }
      node.outgoing.add(giveUp)
      fiber.addObserver((exit) => {
        node.outgoing.delete(giveUp)
        resume(answer(node, id, exit))
      })
      return Effect.sync(leave)
    })
  )

/** A message that a draining node refused never ran, and the shard is about to move. */
const resend = <Message, Reply, E, A, F>(node: Node<Message, Reply, E>, send: Effect.Effect<A, F>) => {
  const attempt: Effect.Effect<A, F> = Effect.catchIf(
    send,
    (error) => error instanceof ActorStopped && error.reason === "draining" && !node.draining,
    () => Effect.delay(attempt, drainingRetryMs),
  )
  return attempt
}

const answer = <Message, Reply, E, A, F>(
  node: Node<Message, Reply, E>,
  id: string,
  exit: Exit.Exit<A, F | Undelivered>,
): Effect.Effect<A, F | MailboxFull | ActorStopped> => {
  if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
  // The shard, or this whole node, went away while the message was there.
  if (Cause.hasInterruptsOnly(exit.cause)) return Effect.fail(stopped(node, id))
  return Effect.catch(
    Effect.failCause(exit.cause),
    (error): Effect.Effect<never, F | MailboxFull | ActorStopped> => {
      if (!isUndelivered(error)) return Effect.fail(error)
      if (!(error instanceof ClusterError.MailboxFull)) return Effect.fail(stopped(node, id))
      return Effect.fail(new MailboxFull({ actor: node.name, id, bound: "mailboxCapacity", limit: inFlightMax }))
    },
  )
}

const isUndelivered = <F>(error: F | Undelivered): error is Undelivered =>
  error instanceof ClusterError.EntityNotAssignedToRunner ||
  error instanceof ClusterError.AlreadyProcessingMessage ||
  error instanceof ClusterError.PersistenceError ||
  error instanceof ClusterError.MailboxFull

const drain = <Message, Reply, E>(node: Node<Message, Reply, E>): Effect.Effect<void> =>
  Effect.suspend(() => {
    node.draining = true
    return Effect.forEach(node.shards.values(), ({ local }) => local.drain, { concurrency: "unbounded", discard: true })
  })

/** As long as the local engine takes: whoever called `drain` before has set it, otherwise as long as an asker waits. */
const close = <Message, Reply, E>(node: Node<Message, Reply, E>) =>
  Effect.suspend(() =>
    node.draining ? Effect.void : Effect.timeoutOption(Effect.interruptible(drain(node)), node.askTimeoutMs)
  ).pipe(
    Effect.andThen(
      Effect.suspend(() =>
        Effect.forEach(node.shards.values(), ({ scope }) => Scope.close(scope, Exit.void), {
          concurrency: "unbounded",
          discard: true,
        })
      ),
    ),
  )

const refused = <Message, Reply, E>({ name }: Node<Message, Reply, E>, id: string) =>
  Effect.fail(new ActorStopped({ actor: name, id, reason: "draining" }))

/** It may have run, or run still, on a node that does not answer. */
const stopped = <Message, Reply, E>({ name }: Node<Message, Reply, E>, id: string) =>
  new ActorStopped({ actor: name, id, reason: "interrupted" })

const timedOut = <Message, Reply, E>({ askTimeoutMs, name }: Node<Message, Reply, E>, id: string) =>
  new AskTimeout({ actor: name, id, timeoutMs: askTimeoutMs })
