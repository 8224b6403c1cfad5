/**
 * Reads HTTP/1.1 replies off a connection that has one request in flight, for a client that must cost less than the
 * server it measures: heads are looked at only for status and length. RFC 9112 sections 6 and 7.
 */

export interface Reply {
  readonly status: number
  /** The server will close the connection after it. */
  readonly closes: boolean
}

/** No reply of ours is near it; a server that never ends one must not fill the client's memory. */
const replyMaxBytes = 16 * 1024 * 1024

const headEnd = Buffer.from("\r\n\r\n")
const lineEnd = Buffer.from("\r\n")

/**
 * Takes the chunks of one connection in turn and gives a reply when its last byte is there. Throws on what is not
 * HTTP/1.1, on a reply without a length, on one above 16 MiB, and on bytes nobody asked for.
 */
export function replyReader(): (chunk: Buffer) => Reply | undefined {
  let pending: Buffer | undefined
  return (chunk) => {
    const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
    const read = readReply(bytes, 0)
    if (read === undefined) {
      if (bytes.length > replyMaxBytes) throw new Error(`a reply is longer than ${replyMaxBytes} bytes`)
      pending = bytes
      return undefined
    }
    if (read.end !== bytes.length) throw new Error("bytes follow the reply that nobody asked for")
    pending = undefined
    return read.reply
  }
}

function readReply(bytes: Buffer, from: number): { readonly reply: Reply; readonly end: number } | undefined {
  const bodyAt = bytes.indexOf(headEnd, from)
  if (bodyAt < 0) return undefined
  const head = bytes.toString("latin1", from, bodyAt + 2)
  const status = Number(/^HTTP\/1\.1 (\d{3})[ \r]/.exec(head)?.[1])
  if (Number.isNaN(status)) throw new Error(`not a reply of HTTP/1.1: ${JSON.stringify(head.slice(0, 60))}`)
  const after = bodyAt + headEnd.length
  // 1xx only announces the reply that follows.
  if (status < 200) return readReply(bytes, after)
  const end = endOfBody(bytes, after, head, status)
  if (end === undefined || end > bytes.length) return undefined
  return { reply: { status, closes: /\r\nconnection: *close\r\n/i.test(head) }, end }
}

function endOfBody(bytes: Buffer, from: number, head: string, status: number): number | undefined {
  if (status === 204 || status === 304) return from
  if (/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) return endOfChunks(bytes, from)
  const length = /\r\ncontent-length: *(\d+) *\r\n/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`a reply with status ${status} has no length`)
  return from + Number(length)
}

function endOfChunks(bytes: Buffer, from: number): number | undefined {
  let at = from
  while (true) {
    const sizeEnd = bytes.indexOf(lineEnd, at)
    if (sizeEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString("latin1", at, sizeEnd), 16)
    if (Number.isNaN(size)) throw new Error("a chunk has no size")
    if (size === 0) return endOfTrailers(bytes, sizeEnd)
    at = sizeEnd + lineEnd.length + size + lineEnd.length
    if (at > bytes.length) return undefined
  }
}

function endOfTrailers(bytes: Buffer, lastSizeEnd: number): number | undefined {
  const end = bytes.indexOf(headEnd, lastSizeEnd)
  return end < 0 ? undefined : end + headEnd.length
}
