/** What every page loads. An address names its content, so browsers may keep it for ever and never hold an old one. */
import { createHash } from "node:crypto"
import { Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { style } from "./style.ts"

const favicon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><style>circle{fill:#1c5b4c}` +
  `path{stroke:#fff}@media (prefers-color-scheme:dark){circle{fill:#93d3bf}path{stroke:#0d211b}}</style>` +
  `<circle cx="16" cy="16" r="15"/><path d="M9.5 16.5l4.5 4.5 8.5-9.5" fill="none" stroke-width="3" ` +
  `stroke-linecap="round" stroke-linejoin="round"/></svg>\n`

const versionOf = (content: string): string => createHash("sha256").update(content).digest("hex").slice(0, 12)

export const styleAddress = `/style.css?v=${versionOf(style)}`
export const faviconAddress = `/favicon.svg?v=${versionOf(favicon)}`

const kept = (content: string, contentType: string) =>
  HttpServerResponse.text(content, {
    contentType,
    headers: { "cache-control": "public, max-age=31536000, immutable", etag: `"${versionOf(content)}"` },
  })

export const layer = Layer.mergeAll(
  HttpRouter.add("GET", "/style.css", kept(style, "text/css; charset=utf-8")),
  HttpRouter.add("GET", "/favicon.svg", kept(favicon, "image/svg+xml")),
)
