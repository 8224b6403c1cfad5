import fs from "node:fs"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { httpsLink, markup } from "./html.ts"
import { hostileText } from "./pages.fixture.ts"

const unescaped = (text: string) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")

describe("markup", () => {
  it("shows any text as it is, and lets none open a tag or leave its attribute", () => {
    fc.assert(fc.property(hostileText, hostileText, (value, words) => {
      const found = /^<p title="([^"<>]*)">([^<>"']*)<\/p>$/.exec(markup`<p title="${value}">${words}</p>`.toString())
      expect(found).not.toBeNull()
      expect([unescaped(found![1]!), unescaped(found![2]!)]).toEqual([value, words])
    }))
  })

  it("takes its own output, numbers, lists and nothing at all", () => {
    const items = ["a", "<b>"].map((item) => markup`<li>${item}</li>`)
    expect(markup`<ul>${items}</ul>${7}${0}${null}${undefined}${false}${[["x"], []]}`.toString())
      .toBe("<ul><li>a</li><li>&lt;b&gt;</li></ul>70x")
  })

  it("takes nobody else's object for its own output", () => {
    const forged = { toString: () => "<script>" } as unknown as string
    expect(() => markup`${forged}`.toString()).toThrow(TypeError)
    expect(() => markup`${Object.create(Object.getPrototypeOf(markup``)) as string}`.toString()).toThrow(TypeError)
  })

  it("stands in our pages only where escaping protects: in text and in quoted attributes", () => {
    const folder = new URL("./", import.meta.url)
    const sources = fs.readdirSync(folder).filter((name) => /^\w+\.ts$/.test(name)).map((name) =>
      [name, fs.readFileSync(new URL(name, folder), "utf8")] as const
    )
    expect(sources.length).toBeGreaterThan(15)
    const addresses = /^(?:href|path|simulatorUrl|authorizeUrl|styleAddress|faviconAddress|to\("[a-z]+"\))$/
    for (const [name, text] of sources) {
      expect(text.match(/\s[\w-]+=\$\{|<\/?\$\{|<(?:script|style)\b[^`]*\$\{/g), `${name}: a bare hole`).toBeNull()
      const bare = [...text.matchAll(/(?:href|action)="\$\{([^}]*)\}"/g)].map(([, address = ""]) => address)
      expect(bare.filter((address) => !addresses.test(address)), `${name}: an address from elsewhere`).toEqual([])
    }
  })
})

describe("httpsLink", () => {
  it("lets pages behind https through and nothing else", () => {
    expect(httpsLink("https://app.todoist.com/app/task/7")).toBe("https://app.todoist.com/app/task/7")
    const elsewhere = "http://e.org javascript:alert(1) data:text/html,x //e.org /tip e.org HTTPS: file:///etc/passwd"
    const named = "https://user:pw@e.org/ https://user@e.org/ https://:pw@e.org/"
    for (const address of [...elsewhere.split(" "), ...named.split(" "), "", "java\nscript:alert(1)"]) {
      expect(httpsLink(address), address).toBeUndefined()
    }
    expect(httpsLink(null)).toBeUndefined()
  })
})
