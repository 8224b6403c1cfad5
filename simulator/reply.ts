/** A reply before it is on the wire, and the ways in which a fault may spoil the sending. */
import type { ApiError } from "./apiError.ts"

export type Reply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Held back that long before it is sent. */
  readonly delayMs?: number
  /** `reset`: the connection is cut instead of an answer. */
  readonly reset?: boolean
}

export const json = (status: number, value: unknown): Reply => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
})

export const noContent = (): Reply => ({ status: 204, headers: {}, body: "" })

export const text = (status: number, body: string): Reply => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body,
})

export const failure = (error: ApiError): Reply => {
  const retryAfter = error.error_extra["retry_after"]
  const reply = json(error.http_code, error)
  return (error.http_code === 429 || error.http_code === 503) && retryAfter !== undefined
    ? { ...reply, headers: { ...reply.headers, "retry-after": String(retryAfter) } }
    : reply
}
