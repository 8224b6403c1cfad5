/** What the pages share: escaping, looks, and headers that let a page do nothing but be seen. */
import { createHash } from "node:crypto"
import type { Reply } from "./reply.ts"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}

/** Safe in text and in quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] ?? "")

export const pageStyle = `
:root { color-scheme: light dark; --ink: #1d1d1f; --soft: #6a6a70; --line: #8883; --late: #b3261e; --bg: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf0; --soft: #a0a0a8; --late: #ff8a80; --bg: #17171a } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem 1rem 4rem; max-width: 44rem; background: var(--bg); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif }
h1 { font-size: 1.25rem; margin: .5rem 0 } h2 { font-size: 1rem; margin: 1.75rem 0 .25rem }
p, small { color: var(--soft) } p { margin: .25rem 0 }
ul { list-style: none; margin: 0; padding: 0 }
li { padding: .55rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
code { background: var(--line); padding: .1rem .35rem; border-radius: .3rem; overflow-wrap: anywhere }
`

/** `body` and `head` are HTML already; no form-action rule, because browsers apply it to where the form redirects. */
export const html = (title: string, style: string, body: string, head = ""): Reply => ({
  status: 200,
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": `default-src 'none'; style-src 'sha256-${
      createHash("sha256").update(style).digest("base64")
    }'; frame-ancestors 'none'`,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  },
  body: `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1">${head}` +
    `<title>${escapeHtml(title)}</title><style>${style}</style></head><body>${body}</body></html>`,
})
