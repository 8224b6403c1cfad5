/** What one check of `tipstream doctor` found, and how a failure's message becomes one. Pure. */

export interface Finding {
  readonly check: string
  /** `fail`: the service will not start, or not work. `warn`: it will, with something missing. */
  readonly status: "ok" | "warn" | "fail"
  readonly seen: string
  /** What to do about it. */
  readonly mend?: string
}

/** A finding before it is known whose. */
export type Judgement = Omit<Finding, "check">

export const ok = (seen: string): Judgement => ({ status: "ok", seen })
export const warn = (seen: string, mend: string): Judgement => ({ status: "warn", seen, mend })
export const fail = (seen: string, mend: string): Judgement => ({ status: "fail", seen, mend })

/** Messages of failures here read "what is wrong: what to do". */
export const failedWith = ({ message }: { readonly message: string }): Judgement => {
  const at = message.lastIndexOf(": ")
  return at < 0 ? { status: "fail", seen: message } : fail(message.slice(0, at), message.slice(at + 2))
}

export const isHealthy = (findings: ReadonlyArray<Finding>): boolean =>
  !findings.some(({ status }) => status === "fail")
