/** What of a difference a server lets change on what exists, by NATS 2.9 and 2.15. Pure. */
import type { FieldDifference } from "./contracts.ts"

export interface ContractChange extends FieldDifference {
  /** Why it stays as it is; undefined when it is changed. */
  readonly refusal: string | undefined
}

const changeable = {
  stream: new Set([
    "subjects",
    "num_replicas",
    "max_age",
    "max_msgs",
    "max_bytes",
    "max_msg_size",
    "max_msgs_per_subject",
    "discard",
    "duplicate_window",
    "allow_rollup_hdrs",
    "deny_delete",
    "deny_purge",
  ]),
  consumer: new Set(["filter_subject", "ack_wait", "max_deliver", "max_ack_pending", "num_replicas", "headers_only"]),
}

/** Once denied, a server never allows it again. */
const oneWay = new Set(["deny_delete", "deny_purge"])

export const changeOf = (kind: "stream" | "consumer", difference: FieldDifference): ContractChange => {
  const { field, wanted } = difference
  return { ...difference, refusal: refusalOf(kind, field, wanted) }
}

const refusalOf = (kind: "stream" | "consumer", field: string, wanted: unknown): string | undefined => {
  if (oneWay.has(field) && wanted === false) return "NATS does not allow again what was denied once"
  if (changeable[kind].has(field)) return undefined
  // The contract does not name it: somebody gave it a value, and has a reason.
  if (wanted === null) return "it was set by somebody else; take it back with the nats tool"
  return `NATS does not change it on a ${kind} that exists, and nothing is ever deleted here`
}
