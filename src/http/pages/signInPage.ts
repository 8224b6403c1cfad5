/** Where a person arrives who is not signed in. */
import { markup } from "./html.ts"
import type { Page } from "./page.ts"

export const signInPage = (way: "demo" | "demo elsewhere" | "none"): Page => ({
  title: "Welcome",
  layout: "centred",
  operatorLink: way === "demo",
  main: markup`<div class="front">
<h1>One thing, now.</h1>
<p class="lead">tipstream reads the to-do list you already keep and shows you the one thing worth doing at this
moment, and it learns from what you answer.</p>
${ways[way]}
</div>`,
})

const ways = {
  demo: markup`<form method="post" action="/sign-in">
<button class="primary" type="submit">Continue as the demo user</button></form>
<p class="fine">The demo runs on this machine only, with a simulated to-do list.</p>`,
  "demo elsewhere": markup`<p>The demo user signs in on the machine that runs tipstream only: open it there, at
<code>127.0.0.1</code> or <code>localhost</code>.</p>`,
  none: markup`<p>No way to sign in is set up here yet. Start with <code>serve --demo</code> to try it on your own
machine.</p>`,
}
