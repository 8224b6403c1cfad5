/**
 * What tools say unasked: judged, remembered, and handed to the actors of those it is about.
 *
 * Nothing of the body is believed but ids, and nothing of it is written down: an initiator's e-mail is in there. The
 * answer says what became of the delivery for our own counting; to the sender all of them are the same.
 */
import { Clock, Context, Effect, Layer, Metric, Queue } from "effect"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"
import { Connectors } from "../connectors/Connector.ts"
import type { WebhookNotice, WebhookRefused } from "../connectors/Connector.ts"
import { Actors } from "./Actors.ts"
import * as Notices from "./notices.ts"
import { UserSyncStore } from "./UserSyncStore.ts"

/**
 * - `taken`: somebody's actor is told.
 * - `repeated`: this delivery was here before.
 * - `stranger`: nobody has that account connected.
 * - `refused`: see the reason in the metric.
 */
export type WebhookOutcome = "taken" | "repeated" | "stranger" | "refused"

export class Webhooks extends Context.Service<Webhooks, {
  /** Whether this tool sends any. */
  readonly listensTo: (provider: Provider) => boolean
  /** Counts a delivery that was longer than we read. */
  readonly tooLarge: (provider: Provider) => Effect.Effect<void>
  /** Fails only when the store does: then nothing was remembered, and the tool may send it again. */
  readonly receive: (
    provider: Provider,
    headers: Readonly<Record<string, string | undefined>>,
    body: Uint8Array,
  ) => Effect.Effect<WebhookOutcome, StoreUnavailable>
}>()("tipstream/actors/Webhooks") {}

/** Users; some seconds of a busy installation. Who does not fit is due in the store all the same, for the scheduler. */
const waitingMax = 1_000
/** Below what the pool of connections and the providers' budgets allow, so that people who wait come first. */
const askedAtOnce = 8
/** One line a minute, however hard somebody knocks. */
const warnEveryMs = 60_000

const deliveries = Metric.counter("webhooks_total", {
  incremental: true,
  description: "Deliveries of tools, by what became of them",
})

export const layer = Layer.effect(
  Webhooks,
  Effect.gen(function* () {
    const { of } = yield* Connectors
    const { ask } = yield* Actors
    const { noteWebhook } = yield* UserSyncStore
    const warn = limitedWarning()

    const notices = Notices.make(waitingMax)
    const keys = yield* Effect.acquireRelease(Queue.unbounded<string>(), Queue.shutdown) // bounded by what waits
    const tell = Effect.flatMap(Queue.take(keys), (key) =>
      Effect.suspend(() => {
        const notice = notices.take(key)
        if (notice === undefined) return Effect.void
        const { owner, ...said } = notice
        // A failure is the actor's to note; the user is due in any case.
        return Effect.ignore(ask(owner, { _tag: "Webhook", ...said }))
      }).pipe(
        Effect.ensuring(Effect.suspend(() => notices.end(key) ? Queue.offer(keys, key) : Effect.void)),
      ))
    yield* Effect.forEach(
      Array.from({ length: askedAtOnce }),
      () =>
        Effect.forkScoped(Effect.forever(Effect.catchDefect(tell, (defect) => Effect.logError("a webhook", defect)))),
    )

    const refused = Effect.fnUntraced(function* ({ provider, reason, message }: WebhookRefused) {
      yield* counted(provider, reason)
      yield* warn(message)
      return "refused" as const
    })

    const remember = Effect.fnUntraced(function* (provider: Provider, notice: WebhookNotice) {
      const { deliveryId, accountId, completedTaskIds } = notice
      const owners = yield* noteWebhook(provider, deliveryId, accountId, yield* Clock.currentTimeMillis)
      const outcome = owners === "seen" ? "repeated" : owners.length === 0 ? "stranger" : "taken"
      yield* counted(provider, outcome)
      if (owners === "seen") return outcome
      yield* Queue.offerAll(keys, owners.flatMap((owner) => notices.add({ owner, provider, completedTaskIds }) ?? []))
      return outcome
    })

    return Webhooks.of({
      listensTo: (provider) => of(provider)?.readWebhook !== undefined,
      tooLarge: (provider) => counted(provider, "too-large"),
      receive: Effect.fn("Webhooks.receive")(function* (provider, headers, body) {
        const read = of(provider)?.readWebhook
        if (read === undefined) return "refused"
        return yield* read(headers, body).pipe(
          Effect.flatMap((notice) => remember(provider, notice)),
          Effect.catchTag("WebhookRefused", refused),
        )
      }),
    })
  }),
)

const counted = (provider: Provider, outcome: string) =>
  Metric.update(Metric.withAttributes(deliveries, { provider, outcome }), 1)

/** What is not said is counted, and said with the next line. */
const limitedWarning = () => {
  let silentUntilMs = 0
  let unsaid = 0
  return Effect.fnUntraced(function* (message: string) {
    const nowMs = yield* Clock.currentTimeMillis
    if (nowMs < silentUntilMs) {
      unsaid++
      return
    }
    silentUntilMs = nowMs + warnEveryMs
    const before = unsaid === 0 ? "" : `, and ${unsaid} more were since the last such line`
    unsaid = 0
    yield* Effect.logWarning(`${message}${before}`)
  })
}
