import { describe, expect, it } from "vitest"
import { readAddress, redirectTarget } from "./address.ts"

const hosts = ["calendar.google.com", "*.icloud.com", "127.0.0.1", "localhost", "10.0.0.1", "intranet", "*."]

const tagOf = (text: string, allowLoopback = false) => readAddress(text, { hosts, allowLoopback })._tag

describe("addresses of feeds", () => {
  it.each([
    "https://calendar.google.com/calendar/ical/x/private-0/basic.ics",
    "https://CALENDAR.google.com:443/x",
    "webcal://p01-caldav.icloud.com/published/2/x",
    "webcals://p01-caldav.icloud.com/x",
  ])("%s is taken", (text) => {
    const read = readAddress(text, { hosts })
    expect(read._tag === "Address" && read.url.protocol).toBe("https:")
  })

  it.each([
    "",
    "calendar.google.com/x",
    "ftp://calendar.google.com/x",
    "file:///etc/passwd",
    "http://calendar.google.com/x",
    "https://user:password@calendar.google.com/x",
    "https://calendar.google.com/a b",
    "https://kalender.exämple/x",
    "https://",
    `https://calendar.google.com/${"x".repeat(2_048)}`,
    "http://127.0.0.1/x",
  ])("%s is none", (text) => expect(tagOf(text)).toBe("Malformed"))

  it.each([
    "https://google.com/x",
    "https://calendar.google.com.evil.example/x",
    "https://evilicloud.com/x",
    "https://icloud.com/x",
    "https://calendar.google.com:8443/x",
    "https://calendar.google.com./x",
    // Listed or not, these are never a calendar host of the world outside.
    "https://127.0.0.1/x",
    "https://0x7f.1/x",
    "https://2130706433/x",
    "https://10.0.0.1/x",
    "https://[::1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://localhost/x",
    "https://intranet/x",
    "https://metadata.google.internal/x",
  ])("%s is of a host that is not offered", (text) => expect(tagOf(text)).toBe("HostNotAllowed"))

  it("of this machine are taken only where that was asked for, and no other private one is", () => {
    for (const text of ["http://127.0.0.1:8090/x", "http://localhost:1/x", "http://[::1]:1/x"]) {
      expect(tagOf(text, true), text).toBe("Address")
    }
    for (const text of ["https://10.0.0.1/x", "https://192.168.0.1/x", "https://169.254.169.254/x"]) {
      expect(tagOf(text, true), text).toBe("HostNotAllowed")
    }
    expect(tagOf("http://127.0.0.2/x", true)).toBe("Malformed")
  })

  it("redirects stay with the origin", () => {
    const from = new URL("https://calendar.google.com/a/b")
    expect(redirectTarget(from, "../c?d#e")?.href).toBe("https://calendar.google.com/c?d")
    const elsewhere = [
      undefined,
      "http://calendar.google.com/",
      "//other.example/",
      "https://x@calendar.google.com/",
      "https://[",
    ]
    for (const location of elsewhere) expect(redirectTarget(from, location), location).toBeUndefined()
  })
})
