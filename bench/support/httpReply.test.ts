import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { type Reply, replyReader } from "./httpReply.ts"

/** Everything the reader gives when the text arrives in pieces of `size` bytes. */
function readIn(size: number, text: string): ReadonlyArray<Reply> {
  const bytes = Buffer.from(text, "latin1")
  const read = replyReader()
  const replies: Array<Reply> = []
  for (let at = 0; at < bytes.length; at += size) {
    const reply = read(bytes.subarray(at, at + size))
    if (reply !== undefined) replies.push(reply)
  }
  return replies
}

const whole: Readonly<Record<string, readonly [text: string, status: number]>> = {
  "by its length": ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200],
  "in chunks": [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    200,
  ],
  "in chunks with trailers": ["HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n", 500],
  "without a body": ["HTTP/1.1 204 No Content\r\n\r\n", 204],
  "with an empty body": ["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404],
  "after an announcement": ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\na", 201],
}

describe("reply reader", () => {
  it.each(Object.entries(whole))("ends a reply %s at its last byte, however it is cut", (_, [text, status]) => {
    for (const size of [1, 2, 7, 1_000]) expect(readIn(size, text)).toEqual([{ status, closes: false }])
    expect(readIn(1, text.slice(0, -1))).toEqual([])
  })

  it("reads one reply after the other, and says when the server hangs up", () => {
    const read = replyReader()
    expect(read(Buffer.from(whole["by its length"]![0]))).toEqual({ status: 200, closes: false })
    expect(read(Buffer.from("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")))
      .toEqual({ status: 200, closes: true })
  })

  it("throws rather than guess", () => {
    const wrong = {
      "SSH-2.0-OpenSSH\r\n\r\n": "not a reply",
      "HTTP/1.1 200 OK\r\n\r\n": "no length",
      "HTTP/1.1 204 No Content\r\n\r\nmore": "nobody asked for",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": "chunk has no size",
    }
    for (const [text, says] of Object.entries(wrong)) expect(() => readIn(1_000, text), text).toThrow(says)
    const endless = () =>
      readIn(1024 * 1024, `HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n${"x".repeat(17 * 1024 * 1024)}`)
    expect(endless).toThrow("longer than")
  })
})
