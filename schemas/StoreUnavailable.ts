/**
 * The database or the broker behind a port cannot be reached or refused. Nothing was changed, or it cannot be known:
 * trying again later is right, and every port says itself why that is safe.
 */
import { Schema } from "effect"

export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  operation: Schema.String,
  /** For the log only: may quote a statement, never shown to a client. */
  cause: Schema.Defect(),
  /**
   * True when the store works and refuses what it was given: the same again will fail the same way. Absent when the
   * store itself is in trouble, which passes.
   */
  dataAtFault: Schema.optionalKey(Schema.Boolean),
}) {
  override get message() {
    return `${this.operation}: the store is not available`
  }
}
