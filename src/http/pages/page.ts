/** The frame of every page, and the headers it is sent with. */
import { HttpServerResponse } from "effect/http"
import { faviconAddress, styleAddress } from "./assets.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"

export interface Page {
  /** In the tab, before our name. */
  readonly title: string
  readonly main: Html
  /** Class of the main part: how it is laid out. */
  readonly layout?: "tip" | "centred" | "wide"
  /** Where in the navigation this is. */
  readonly place?: "/tip" | "/history" | "/connect"
  /** Undefined for a page anyone may see: it has no navigation. */
  readonly visitor?: { readonly name: string }
  /** Link to the operator's page, for whoever runs this alone. */
  readonly operatorLink?: boolean
  readonly reloadSeconds?: number
  /** Where the browser goes on to by itself. */
  readonly forwardTo?: string
}

/**
 * No script, no foreign content, no foreign frame; forms go to ourselves. The referrer stays with us too:
 * `same-origin` and not `no-referrer`, under which browsers send `Origin: null` with our own forms, and a browser that
 * sends no `Sec-Fetch-Site` (older ones, and all over plain http to another machine) would be taken for a foreign page.
 */
const headers = {
  "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; " +
    "base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "same-origin",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-opener-policy": "same-origin",
}

export const respond = (page: Page, status = 200) =>
  HttpServerResponse.text(render(page), { status, contentType: "text/html; charset=utf-8", headers })

/** After a form: the browser gets the next page by GET, so that going back or reloading repeats nothing. */
export const seeOther = (path: string, query: Readonly<Record<string, string>> = {}) => {
  const search = new URLSearchParams(query).toString()
  return HttpServerResponse.redirect(search === "" ? path : `${path}?${search}`, {
    status: 303,
    headers: { "cache-control": "no-store" },
  })
}

export const render = ({ title, main, layout, place, visitor, operatorLink, reloadSeconds, forwardTo }: Page): string =>
  markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" media="(prefers-color-scheme: light)" content="#fbfaf7">
<meta name="theme-color" media="(prefers-color-scheme: dark)" content="#161614">
${reloadSeconds !== undefined && markup`<meta http-equiv="refresh" content="${reloadSeconds}">`}
${forwardTo !== undefined && markup`<meta http-equiv="refresh" content="0;url=${forwardTo}">`}
<title>${title} · tipstream</title>
<link rel="icon" type="image/svg+xml" href="${faviconAddress}">
<link rel="stylesheet" href="${styleAddress}">
</head>
<body${layout === "wide" && markup` class="wide-frame"`}>
<a class="skip" href="#main">Skip to the content</a>
<header>
<a class="mark" href="/">tipstream</a>
${visitor !== undefined && navigation(place)}
</header>
<main id="main" tabindex="-1"${layout !== undefined && markup` class="${layout}"`}>
${main}
</main>
${(visitor !== undefined || operatorLink === true) && footer(visitor, operatorLink === true)}
</body>
</html>
`.toString()

const places = [
  { path: "/tip", label: "Tip" },
  { path: "/history", label: "History" },
  { path: "/connect", label: "Connect" },
] as const

const navigation = (here: Page["place"]): Html =>
  markup`<nav aria-label="Main"><ul>${
    places.map(({ path, label }) =>
      markup`<li><a href="${path}"${path === here && markup` aria-current="page"`}>${label}</a></li>`
    )
  }</ul></nav>`

const footer = (visitor: Page["visitor"], operatorLink: boolean): Html =>
  markup`<footer>
${
    visitor !== undefined &&
    markup`<form method="post" action="/sign-out"><span dir="auto">Signed in as ${visitor.name}</span>
<button type="submit">Sign out</button></form>`
  }
${operatorLink && markup`<a href="/operator">Operator</a>`}
</footer>`
