/**
 * Names of things as they stand in subjects, rows and URLs.
 *
 * Tenant and user ids become tokens of a subject, so they may hold nothing a broker gives a meaning to
 * (`.`, `*`, `>`, white space).
 */
import { Schema } from "effect"

/** One token of a subject: bounded, because subjects are, and free of wildcards. */
const token = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/))

export const TenantId = token.pipe(Schema.brand("TenantId"))
export type TenantId = typeof TenantId.Type

export const UserId = token.pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

/** UUIDv7: sorts by the time of deciding. Also the id of the tip that was served. */
export const DecisionId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
)
  .pipe(Schema.brand("DecisionId"))
export type DecisionId = typeof DecisionId.Type

/** Every row, message and metric belongs to one user of one tenant. */
export interface Owner {
  readonly tenantId: TenantId
  readonly userId: UserId
}

/** The only tenant until an operator makes more. */
export const defaultTenant = TenantId.make("default")
