/** Dead letters for an operator. Payloads leave by `show` alone. */
import { toJson } from "@bufbuild/protobuf"
import { DateTime, Effect } from "effect"
import type { Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { EnvelopeSchema } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { DeadLetters } from "../streams/DeadLetters.ts"
import type { DeadLetter, DeathReason, LetterFilter, OpenedLetter } from "../streams/DeadLetters.ts"
import { open, Undecodable } from "../streams/envelope.ts"
import { instantOf, unavailable } from "./answers.ts"
import { Api } from "./Api.ts"
import type { LetterChoice } from "./Api.ts"
import * as Problems from "./problems.ts"

const pageSizeDefault = 20

/** Of a redrive or a drop that says nothing else. */
const settledDefault = 100

export const deadLetterHandlers = HttpApiBuilder.group(Api, "deadLetters", (handlers) =>
  handlers.handleAll({
    list: Effect.fnUntraced(function* ({ query }) {
      const { list } = yield* DeadLetters
      const limit = query.limit ?? pageSizeDefault
      const filter = { ...yield* filterOf(query), ...(query.state === undefined ? {} : { state: query.state }) }
      const page = { limit, ...(query.before === undefined ? {} : { beforeId: query.before }) }
      const letters = yield* Effect.mapError(list(filter, page), unavailable)
      return { deadLetters: letters.map(viewOf), next: letters.length < limit ? null : letters.at(-1)!.id }
    }),
    show: Effect.fnUntraced(function* ({ params }) {
      const { find } = yield* DeadLetters
      const opened = yield* Effect.mapError(find(params.id), unavailable)
      return opened === undefined ? yield* new Problems.NoSuchLetter() : openedView(opened)
    }),
    redrive: Effect.fnUntraced(function* ({ payload }) {
      const { redrive } = yield* DeadLetters
      const { dryRun, limit } = optionsOf(payload)
      const report = yield* Effect.mapError(redrive(yield* choiceOf(payload), { dryRun, limit }), unavailable)
      return { ...report, dryRun }
    }),
    drop: Effect.fnUntraced(function* ({ payload }) {
      const { drop } = yield* DeadLetters
      const { dryRun, limit } = optionsOf(payload)
      const dropped = yield* Effect.mapError(drop(yield* choiceOf(payload), { dryRun, limit }), unavailable)
      return { dropped, dryRun }
    }),
  }))

const viewOf = ({ diedAtMs, ...letter }: DeadLetter) => ({ ...letter, diedAt: instantOf(diedAtMs) })

const openedView = ({ letter, headers, payload }: OpenedLetter) => {
  const event = open({ subject: letter.subject, headers, payload })
  const base = { letter: viewOf(letter), headers, payload: Buffer.from(payload).toString("base64") }
  if (event instanceof Undecodable) return { ...base, event: null, problem: event.problem }
  try {
    return { ...base, event: toJson(EnvelopeSchema, event) as Schema.Json, problem: null }
  } catch {
    // A time out of range: protobuf holds it, ProtoJSON does not. Its message would quote it.
    return { ...base, event: null, problem: "it cannot be written as JSON" }
  }
}

interface GivenFilter {
  readonly durable?: string
  readonly stream?: string
  readonly reason?: DeathReason
  readonly tenant?: string
  readonly user?: string
  readonly since?: DateTime.Utc
  readonly until?: DateTime.Utc
}

const filterOf = Effect.fnUntraced(function* ({ durable, stream, reason, tenant, user, since, until }: GivenFilter) {
  const filter: Omit<LetterFilter, "ids" | "state"> = {
    ...(durable === undefined ? {} : { durable }),
    ...(stream === undefined ? {} : { stream }),
    ...(reason === undefined ? {} : { reason }),
    ...(tenant === undefined ? {} : { tenantId: tenant }),
    ...(user === undefined ? {} : { userId: user }),
    ...(since === undefined ? {} : { diedFromMs: DateTime.toEpochMillis(since) }),
    ...(until === undefined ? {} : { diedToMs: DateTime.toEpochMillis(until) }),
  }
  if ((filter.diedFromMs ?? -Infinity) >= (filter.diedToMs ?? Infinity)) {
    return yield* new Problems.FilterRefused({ detail: "`since` must lie before `until`" })
  }
  return filter
})

/** What says nothing must not mean everything by accident. */
const choiceOf = Effect.fnUntraced(function* ({ ids, all, ...given }: LetterChoice) {
  const filter = { ...yield* filterOf(given), ...(ids === undefined ? {} : { ids }) }
  if (Object.keys(filter).length === 0 && all !== true) {
    return yield* new Problems.FilterRefused({ detail: "name `ids` or another condition, or say `all`: true" })
  }
  return filter
})

/** Letters that are named are all meant. */
const optionsOf = ({ ids, dryRun = false, limit = ids?.length ?? settledDefault }: LetterChoice) => ({ dryRun, limit })
