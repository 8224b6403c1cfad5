/**
 * Tells apps what changed in the accounts of the users that connected them. As documented, a webhook may be late, out
 * of order or lost; here only when a fault says so. Not answered with 200, it is sent again, up to three times.
 */
import { randomUUID } from "node:crypto"
import { clearTimeout, setTimeout } from "node:timers"
import type { Account } from "../account.ts"
import type { AccountEvent } from "../accountEvent.ts"
import { wireTime } from "../calendar.ts"
import type { OAuthClient } from "../oauth/clients.ts"
import type { Grants } from "../oauth/grants.ts"
import { seeded } from "../random.ts"
import type { Switches } from "../switches.ts"
import { makeLanes } from "./lanes.ts"
import { type Message, messageOf, signatureOf } from "./message.ts"
import { takeWebhookFault, type WebhookFault, type WebhookFaults } from "./webhookFaults.ts"

export type Delivery = {
  readonly deliveryId: string
  readonly clientId: string
  readonly userId: string
  readonly eventName: string
  readonly at: string
  readonly attempt: number
  /** The receiver's status; null when it was not reached, or nothing was sent. */
  readonly status: number | null
  readonly fault: WebhookFault["fault"] | null
  /** In words, what came in the way of an answer. */
  readonly problem: string | null
  readonly body: string
  readonly signature: string
}

type Parcel = Pick<Delivery, "deliveryId" | "clientId" | "userId" | "eventName" | "fault" | "body" | "signature"> & {
  readonly url: string
}

export type Webhooks = {
  readonly faults: WebhookFaults
  /** Newest last. */
  readonly log: Array<Delivery>
  readonly counts: { sent: number; failed: number; lost: number; dropped: number }
  readonly offer: (account: Account, events: ReadonlyArray<AccountEvent>) => void
  /** Sends the very bytes of an earlier delivery again; false when the log no longer has it. */
  readonly redeliver: (deliveryId: string) => boolean
  readonly waiting: () => number
  readonly stop: () => void
}

type Settings = {
  readonly seed: string
  readonly grants: Grants
  readonly switches: Switches
  readonly clock: () => number
}

const logMax = 1_000
/** A receiver that is further behind than this has lost them anyway. */
const waitingMax = 20_000
const concurrency = 16
const attemptsMax = 4
/** Waiting to be retried, or late. */
const timersMax = 20_000

const send = async (parcel: Parcel, timeoutMs: number): Promise<Pick<Delivery, "status" | "problem">> => {
  try {
    const response = await fetch(parcel.url, {
      method: "POST",
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        "user-agent": "Todoist-Webhooks",
        "x-todoist-hmac-sha256": parcel.signature,
        "x-todoist-delivery-id": parcel.deliveryId,
      },
      body: parcel.body,
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.body?.cancel()
    return { status: response.status, problem: null }
  } catch (cause) {
    const said = cause instanceof Error ? cause.cause ?? cause : cause
    return { status: null, problem: said instanceof Error ? said.message : String(said) }
  }
}

export const makeWebhooks = ({ seed, grants, switches, clock }: Settings): Webhooks => {
  const lanes = makeLanes(concurrency, waitingMax)
  const faults: WebhookFaults = { queue: [], rates: {}, random: seeded(`${seed} webhooks`) }
  const log: Array<Delivery> = []
  const counts = { sent: 0, failed: 0, lost: 0, dropped: 0 }
  const timers = new Set<NodeJS.Timeout>()
  /** By client and user, what waits to go after the next one. */
  const held = new Map<string, () => void>()

  const write = (parcel: Parcel, attempt: number, outcome: Pick<Delivery, "status" | "problem">): void => {
    const { url: _, ...rest } = parcel
    log.push({ ...rest, at: wireTime(clock()), attempt, ...outcome })
    if (log.length > logMax) log.splice(0, log.length - logMax)
  }
  const drop = (parcel: Parcel, attempt: number): void => {
    counts.dropped++
    write(parcel, attempt, { status: null, problem: "dropped: too many are waiting" })
  }
  const after = (delayMs: number, parcel: Parcel, attempt: number): () => void => {
    if (timers.size >= timersMax) {
      drop(parcel, attempt)
      return () => {}
    }
    const fire = () => {
      clearTimeout(timer)
      if (timers.delete(timer)) enqueue(parcel, attempt)
    }
    const timer = setTimeout(fire, delayMs)
    timer.unref()
    timers.add(timer)
    return fire
  }
  const enqueue = (parcel: Parcel, attempt = 1): void => {
    const taken = lanes.add(`${parcel.clientId} ${parcel.userId}`, async () => {
      const outcome = await send(parcel, switches.webhookTimeoutMs)
      write(parcel, attempt, outcome)
      counts[outcome.status === 200 ? "sent" : "failed"]++
      if (outcome.status !== 200 && attempt < attemptsMax) after(switches.webhookRetryMs, parcel, attempt + 1)
    })
    if (!taken) drop(parcel, attempt)
  }

  const dispatch = (client: OAuthClient, url: string, message: Message): void => {
    const about = { userId: message.user_id, clientId: client.id }
    const fault = takeWebhookFault(faults, about)
    const shown = fault?.fault === "unknown-user" ? { ...message, user_id: "1" } : message
    const body = JSON.stringify(shown)
    const secret = fault?.fault === "forged" ? `${client.secret}, which it is not` : client.secret
    const parcel: Parcel = {
      ...about,
      url,
      deliveryId: randomUUID(),
      eventName: message.event_name,
      fault: fault?.fault ?? null,
      body,
      signature: signatureOf(secret, body),
    }
    const lane = `${client.id} ${message.user_id}`
    const waitsForThis = held.get(lane)
    held.delete(lane)
    route(parcel, lane, fault, client.secret, message)
    waitsForThis?.()
  }
  const route = (
    parcel: Parcel,
    lane: string,
    fault: WebhookFault | undefined,
    secret: string,
    message: Message,
  ): void => {
    if (fault?.fault === "loss") {
      counts.lost++
      return write(parcel, 1, { status: null, problem: "lost by a fault" })
    }
    if (fault?.fault === "late") return void after(fault.lateMs, parcel, 1)
    if (fault?.fault === "reorder") return void held.set(lane, after(fault.lateMs, parcel, 1))
    enqueue(parcel)
    if (fault?.fault === "duplicate") enqueue(parcel)
    if (fault?.fault === "stale-replay") {
      const body = JSON.stringify({ ...message, triggered_at: wireTime(clock() - fault.staleMs) })
      enqueue({ ...parcel, deliveryId: randomUUID(), body, signature: signatureOf(secret, body) })
    }
  }

  return {
    faults,
    log,
    counts,
    offer: (account, events) => {
      const families = grants.byUser.get(account.userId)
      if (families === undefined) return
      for (const clientId of new Set([...families].map((family) => family.clientId))) {
        const client = grants.clients.get(clientId)
        if (client === undefined || client.webhookUrl === null) continue
        for (const event of events) {
          if (client.events.length > 0 && !client.events.includes(event.name)) continue
          dispatch(client, client.webhookUrl, messageOf(account, event))
        }
      }
    },
    redeliver: (deliveryId) => {
      const known = log.findLast((entry) => entry.deliveryId === deliveryId)
      const url = known && grants.clients.get(known.clientId)?.webhookUrl
      if (known === undefined || typeof url !== "string") return false
      const { clientId, userId, eventName, fault, body, signature } = known
      enqueue({ deliveryId, clientId, userId, eventName, fault, body, signature, url })
      return true
    },
    waiting: () => lanes.waiting() + timers.size,
    stop: () => {
      lanes.stop()
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      held.clear()
    },
  }
}
