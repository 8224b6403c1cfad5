/** Events of the fault suite: ordinary signals whose id says what handling them does. */
import { taskChanged } from "../../schemas/events.ts"
import type { Envelope } from "../../schemas/gen/tipstream/events/v1/envelope_pb.ts"
import { TenantId, UserId } from "../../schemas/ids.ts"

/** `poison` makes the handler fail each time, `crash` ends the process. */
export type Kind = "plain" | "poison" | "crash"

export interface Author {
  readonly tenant: string
  readonly user: string
}

export const eventIdOf = (kind: Kind, { tenant, user }: Author, number: number): string =>
  `${kind}-${tenant}-${user}-${number}`

export const kindOf = (eventId: string): Kind => {
  const [kind] = eventId.split("-")
  return kind === "poison" || kind === "crash" ? kind : "plain"
}

export const eventOf = (id: string, { tenant, user }: Author, atMs: number): Envelope =>
  taskChanged(
    { id, atMs, correlationId: `of-${id}`, tenantId: TenantId.make(tenant), userId: UserId.make(user) },
    "updated",
    { provider: "chaos", timesPostponed: 0 },
  )
