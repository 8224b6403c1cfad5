/** What the server says of one published message, read at the price of a string search where all is well. */
import type { Msg } from "@nats-io/transport-node"
import type { PublishEnd } from "./Broker.ts"
import { endOfCode } from "./publishEnd.ts"

export type PublishReply =
  | { readonly sequence: number }
  | { readonly end: PublishEnd; readonly detail: string }

const decoder = new TextDecoder("latin1")

/** Acknowledgements are some forty bytes; spaces after commas and colons come and go with the server's version. */
export const readPublishReply = (reply: Pick<Msg, "data" | "headers">): PublishReply => {
  if (reply.data.length === 0) {
    // Without a body it is the server itself that says that nobody listens.
    return reply.headers?.code === 503
      ? { end: "no-stream", detail: "no stream takes the subject" }
      : { end: "unknown", detail: "an acknowledgement without content" }
  }
  const text = decoder.decode(reply.data)
  if (!text.includes(`"error"`)) {
    const sequence = sequencePattern.exec(text)
    return sequence === null
      ? { end: "unknown", detail: "an acknowledgement without a sequence" }
      : { sequence: Number(sequence[1]) }
  }
  return errorOf(text)
}

const sequencePattern = /"seq":\s*(\d+)/

const errorOf = (text: string): PublishReply => {
  try {
    const { error } = JSON.parse(text) as { readonly error?: { readonly err_code?: number; description?: string } }
    return { end: endOfCode(error?.err_code ?? 0), detail: error?.description ?? "an error without a description" }
  } catch {
    return { end: "unknown", detail: "an acknowledgement that is not JSON" }
  }
}
