/** Reads and decodes a request body, within Todoist's bound. */
import type { IncomingMessage } from "node:http"
import { type ApiError, bodyTooLarge, invalidArgument } from "./apiError.ts"
import type { Fields } from "./syncRequest.ts"

/** Todoist's limit for a POST body. */
export const bodyMaxBytes = 1_048_576

/** Of a larger body this much is read and dropped, so that the client hears why instead of a cut connection. */
const drainMaxBytes = 16 * bodyMaxBytes

/** The whole body, or undefined when it is larger than allowed. An interrupted request rejects. */
const readBody = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const chunks: Array<Buffer> = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= bodyMaxBytes) chunks.push(chunk)
    // Leaving the loop cuts the connection.
    else if (size > drainMaxBytes) return undefined
  }
  return size > bodyMaxBytes ? undefined : Buffer.concat(chunks)
}

/** The fields of a form, where one may come, or of a JSON object (or array); none when there is no body. */
export const readFields = async (request: IncomingMessage, forms: boolean): Promise<Fields | ApiError> => {
  const body = await readBody(request)
  if (body === undefined) return bodyTooLarge(bodyMaxBytes)
  if (body.length === 0) return {}
  const text = body.toString("utf8")
  if (forms && /^application\/x-www-form-urlencoded\b/i.test(request.headers["content-type"] ?? "")) {
    return Object.fromEntries(new URLSearchParams(text))
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === "object" && value !== null) return value as Fields
  } catch {
    // Answered below, like any other body that is not an object.
  }
  return invalidArgument("body", "form fields or a JSON object")
}
