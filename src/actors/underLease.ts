/** Runs the work of one message while nobody else may write for the user. */
import { Effect, Schedule } from "effect"
import type { Owner } from "../../schemas/ids.ts"
import { ActorBusy } from "./Actors.ts"
import { UserSyncStore } from "./UserSyncStore.ts"
import { LeaseLost, UserHeld } from "./UserSyncStore.ts"
import type { UserSession } from "./UserSyncStore.ts"

/** Another node is at it: its sync takes a second or two, and what it brings is what is wanted here. */
const waitForOther = Schedule.max([Schedule.exponential(50), Schedule.spaced(50), Schedule.recurs(6)])

const whileHeld = Effect.fnUntraced(function* <A, E, R>(
  owner: Owner,
  handleMaxMs: number,
  work: (session: UserSession) => Effect.Effect<A, E | LeaseLost, R>,
) {
  const store = yield* UserSyncStore
  const session = yield* store.open(owner).pipe(
    Effect.retry({ schedule: waitForOther, while: (error) => error._tag === "UserHeld" }),
  )
  const renewing = store.renew(session.lease).pipe(
    Effect.delay(store.leaseMs / 3),
    Effect.catchTag("StoreUnavailable", () => Effect.void),
    Effect.forever,
  )
  return yield* Effect.raceFirst(work(session), renewing).pipe(
    Effect.timeoutOrElse({
      duration: handleMaxMs,
      orElse: () => Effect.fail(new ActorBusy({ detail: `not done within ${handleMaxMs} ms` })),
    }),
    Effect.ensuring(Effect.ignore(store.close(session.lease))),
  )
})

/**
 * The lease is renewed for as long as the work goes on, and by each commit. A process that is stopped does not renew;
 * when it goes on, another may have the lease, and every write it still tries is refused.
 */
export const underLease = <A, E, R>(
  owner: Owner,
  handleMaxMs: number,
  work: (session: UserSession) => Effect.Effect<A, E | LeaseLost, R>,
) =>
  whileHeld(owner, handleMaxMs, work).pipe(
    Effect.catchIf(
      (error): error is LeaseLost | UserHeld => error instanceof LeaseLost || error instanceof UserHeld,
      (error) => Effect.fail(new ActorBusy({ detail: error.message })),
    ),
  )
