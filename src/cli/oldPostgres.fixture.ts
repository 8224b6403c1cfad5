/** Answers as a Postgres server of an old version does, as far as the probe asks; no such server is at hand. */
import net from "node:net"

/** Fields of a row by name, with the type they are sent as. */
const row: ReadonlyArray<readonly [name: string, type: number, value: string]> = [
  ["number", 23, "140011"],
  ["version", 25, "14.11 (Debian 14.11-1)"],
  ["now_ms", 1700, "1700000000000"],
  ["read_only", 16, "f"],
  ["may_create", 16, "t"],
  ["schema", 25, "public"],
]

/** @see https://www.postgresql.org/docs/14/protocol-message-formats.html */
const message = (type: string, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
const int32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}
const text = (value: string): Buffer => Buffer.from(`${value}\0`)

const ready = message("Z", Buffer.from("I"))
const greeting = Buffer.concat([message("R", int32(0)), message("S", text("server_version"), text("14.11")), ready])
const answer = Buffer.concat([
  message(
    "T",
    int16(row.length),
    ...row.map(([name, type]) =>
      Buffer.concat([text(name), int32(0), int16(0), int32(type), int16(-1), int32(-1), int16(0)])
    ),
  ),
  message(
    "D",
    int16(row.length),
    ...row.map(([, , value]) => Buffer.concat([int32(value.length), Buffer.from(value)])),
  ),
  message("C", text("SELECT 1")),
  ready,
])

/** Listens on 127.0.0.1; the caller closes it. */
export const listenAsOldPostgres = async (): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
  const server = net.createServer((socket) => {
    socket.on("error", () => {})
    socket.once("data", () => {
      socket.write(greeting)
      // One write per question: the probe waits for each answer.
      socket.on("data", (chunk) => chunk[0] === "Q".charCodeAt(0) ? socket.write(answer) : socket.end())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as net.AddressInfo
  return {
    url: `postgres://somebody:secret@127.0.0.1:${port}/old`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
