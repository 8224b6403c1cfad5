/**
 * Every sealed credential the store holds, wherever it stands, for those who look after keys rather than users; and the
 * witness, a record of the installation itself that each of its processes must be able to open.
 */
import { Context } from "effect"
import type { Effect } from "effect"
import { TenantId, UserId } from "../../schemas/ids.ts"
import type { Owner } from "../../schemas/ids.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import type { Provider } from "../../schemas/Task.ts"

export interface VaultRecord {
  readonly place: "connections" | "revocations" | "witness"
  /** Names it within its place, where owner and provider do not. */
  readonly id: string
  readonly owner: Owner
  readonly provider: Provider
  /** Undefined where the place does not tell. */
  readonly familyId: string | undefined
  readonly sealed: Uint8Array
}

/** Nobody's: no connection has this owner. */
export const witness = {
  place: "witness",
  id: "",
  owner: { tenantId: TenantId.make("tipstream"), userId: UserId.make("vault-witness") },
  provider: "todoist",
  familyId: "vault-witness",
} as const satisfies Omit<VaultRecord, "sealed">

export interface SealedCount {
  /** Undefined for records that name no key: damaged, and no vault's. */
  readonly keyId: string | undefined
  readonly version: number
  readonly count: number
}

export class VaultRecords extends Context.Service<VaultRecords, {
  /** Reads all records once. The witness is not among these, nor below in `sealedBy` and `outdated`. */
  readonly counts: Effect.Effect<ReadonlyArray<SealedCount>, StoreUnavailable>
  /** Any `limit` of the records that name this key. */
  readonly sealedBy: (keyId: string, limit: number) => Effect.Effect<ReadonlyArray<VaultRecord>, StoreUnavailable>
  /** Up to `limit` of those that do not begin with `head`, behind `after` in an order of the store's. */
  readonly outdated: (
    head: Uint8Array,
    limit: number,
    after: VaultRecord | undefined,
  ) => Effect.Effect<ReadonlyArray<VaultRecord>, StoreUnavailable>
  /** Compare-and-set on the sealed bytes: false when they changed or went meanwhile, and then nothing is written. */
  readonly replace: (record: VaultRecord, sealed: Uint8Array) => Effect.Effect<boolean, StoreUnavailable>
  /** Undefined until one was left. */
  readonly witness: Effect.Effect<VaultRecord | undefined, StoreUnavailable>
  /** Leaves the one that is there, if there is one. */
  readonly leaveWitness: (sealed: Uint8Array) => Effect.Effect<void, StoreUnavailable>
}>()("tipstream/connectors/VaultRecords") {}
