/**
 * The look: one thing on the screen, room around it, system fonts, and colours that keep WCAG AA contrast (4.5:1 for
 * text, 3:1 for edges of controls) in light and dark.
 */

const colours = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --raised: #ffffff; --sunk: #f1eee7; --line: #e3ded3; --edge: #8a8478;
  --ink: #211f1b; --soft: #625d54; --accent: #1c5b4c; --accent-ink: #ffffff; --accent-deep: #14463a;
  --wash: #e6f0ec; --late: #9c3418; --late-wash: #faeae4; --shadow: 0 1px 2px #0000000f, 0 6px 24px #0000000a;
  --text: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --display: ui-serif, "New York", "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", Georgia, serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161614; --raised: #20201d; --sunk: #262622; --line: #33322d; --edge: #827d72;
    --ink: #eeebe3; --soft: #aba598; --accent: #93d3bf; --accent-ink: #0d211b; --accent-deep: #b4e4d5;
    --wash: #1d2f29; --late: #f2a48f; --late-wash: #39231c; --shadow: none;
  }
}
`

const frame = `
*, *::before, *::after { box-sizing: border-box }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-padding-bottom: 13rem }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column;
  background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 var(--text); overflow-wrap: break-word;
}
header, main, footer {
  width: 100%; max-width: 42rem; margin: 0 auto; padding: 0 max(1.25rem, env(safe-area-inset-left));
}
header { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding-top: .75rem }
main { flex: 1; padding-top: 2rem; padding-bottom: 3rem }
main:focus { outline: none }
main.wide, .wide-frame > header, .wide-frame > footer { max-width: 64rem }
footer { padding-top: 1rem; padding-bottom: 1.5rem; color: var(--soft); font-size: .875rem }
footer, footer form { display: flex; flex-wrap: wrap; gap: 0 1.25rem; align-items: center }
nav ul { display: flex; gap: .25rem; list-style: none; margin: 0 -.75rem 0 0; padding: 0 }
nav a, .mark, footer a, footer button, .quiet {
  display: inline-flex; align-items: center; min-height: 2.75rem; padding: 0 .75rem; text-decoration: none;
  color: var(--soft); border-radius: .75rem; white-space: nowrap;
}
.mark { padding: 0; color: var(--ink); font: 500 1.1875rem/1.2 var(--display); letter-spacing: -.01em }
.mark::before {
  content: ""; width: .5rem; height: .5rem; margin-right: .5rem; border-radius: 50%; background: var(--accent);
}
nav a[aria-current] { color: var(--ink); font-weight: 600 }
nav a:hover, footer a:hover, footer button:hover, .quiet:hover { color: var(--ink); background: var(--sunk) }
footer a, footer button { padding: 0; text-decoration: underline; text-underline-offset: .2em }
footer a:hover, footer button:hover { background: none }
footer button, .quiet { border: 0; background: none; font: inherit; color: var(--soft); cursor: pointer }
.skip { position: absolute; left: -100vw; padding: .75rem 1.25rem; background: var(--raised); color: var(--ink) }
.skip:focus { left: .5rem; top: .5rem; z-index: 2 }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .375rem }
h1, h2 { font-family: var(--display); font-weight: 500; letter-spacing: -.015em; line-height: 1.2; text-wrap: balance }
h1 { font-size: clamp(1.75rem, 1.4rem + 1.8vw, 2.375rem); margin: 0 0 1rem }
h2 { font-size: 1.1875rem; margin: 2.5rem 0 .75rem }
p, ul, ol, dl, blockquote { margin: 0 0 1rem }
a { color: var(--accent); text-underline-offset: .2em; text-decoration-thickness: 1px }
a:hover { color: var(--accent-deep) }
code { font: .9em ui-monospace, "SF Mono", Menlo, Consolas, monospace; background: var(--sunk); padding: .1em .35em;
  border-radius: .3em }
blockquote { padding-inline-start: 1rem; border-inline-start: 3px solid var(--line); color: var(--soft) }
.soft, small, .fine { color: var(--soft) }
.fine, small { font-size: .875rem; line-height: 1.5 }
.lead { font-size: 1.1875rem; line-height: 1.5; color: var(--soft); text-wrap: pretty }
.late { color: var(--late) }
@media (max-width: 26rem) { nav ul { gap: 0; margin-right: -.5rem } nav a { padding: 0 .5rem } }
@media (prefers-reduced-motion: no-preference) {
  button, .button, summary, nav a, footer a { transition: background-color .12s, color .12s, border-color .12s }
}
`

const controls = `
button, .button, summary.button {
  display: flex; align-items: center; justify-content: center; gap: .5rem; width: 100%; min-height: 3.125rem;
  padding: .5rem 1.25rem; border: 1px solid var(--line); border-radius: .875rem; background: var(--raised);
  color: var(--ink); font: 500 1.0625rem/1.25 var(--text); text-decoration: none; cursor: pointer; text-align: center;
}
button:hover, .button:hover { border-color: var(--edge); color: var(--ink) }
button.primary, .button.primary {
  background: var(--accent); border-color: var(--accent); color: var(--accent-ink); font-weight: 600;
}
button.primary:hover, .button.primary:hover { background: var(--accent-deep); border-color: var(--accent-deep) }
button.grave { color: var(--late) }
.quiet, footer button { width: auto; font-size: 1rem; font-weight: 400 }
footer button { font-size: inherit; padding: 0; border: 0; background: none; color: var(--soft); min-height: 2.75rem }
.quiet { min-height: 2.75rem; padding: 0 .75rem; border: 0; background: none; color: var(--soft) }
summary { cursor: pointer }
summary.button { list-style: none }
summary.button::-webkit-details-marker { display: none }
summary.button::after {
  content: ""; width: .45rem; height: .45rem; border: solid currentColor; border-width: 0 2px 2px 0; opacity: .6;
  transform: translateY(-.125rem) rotate(45deg);
}
details[open] > summary.button::after { transform: translateY(.125rem) rotate(225deg) }
label { display: block; font-weight: 600; margin-bottom: .375rem }
input {
  width: 100%; min-height: 3.125rem; padding: .5rem .875rem; border: 1px solid var(--edge); border-radius: .875rem;
  background: var(--raised); color: var(--ink); font: 1.0625rem/1.25 var(--text);
}
input[aria-invalid="true"] { border-color: var(--late); border-width: 2px }
input:focus-visible, button:focus-visible, .button:focus-visible, summary:focus-visible { border-radius: .875rem }
.tick { display: flex; align-items: center; gap: .75rem; min-height: 2.75rem; font-weight: 400; margin-bottom: .75rem }
.tick input { flex: none; width: 1.5rem; min-height: 1.5rem; height: 1.5rem; margin: 0; accent-color: var(--accent) }
.field { margin-bottom: 1rem }
.field small { display: block; margin-top: .375rem }
.bar {
  display: flex; align-items: center; justify-content: space-between; gap: .5rem 1rem; margin: 0 0 2rem;
  padding: .625rem .625rem .625rem 1rem; border-radius: .875rem; background: var(--wash); font-size: 1rem;
}
.bar p { margin: .375rem 0; min-width: 0; overflow-wrap: anywhere }
.bar button { width: auto; min-height: 2.75rem; flex: none; padding: 0 1rem; font-size: 1rem }
.bar.trouble { background: var(--late-wash) }
.card { padding: 1.25rem; border: 1px solid var(--line); border-radius: 1.125rem; background: var(--raised);
  box-shadow: var(--shadow); margin-bottom: 1.25rem }
.card > :last-child, .card form:last-child { margin-bottom: 0 }
.card h2 { margin-top: 0 }
`

const places = `
main.tip { display: flex; flex-direction: column; padding-bottom: 1rem }
.tip h1, .tip .body, .past .what, dd, td.words { overflow-wrap: anywhere }
.tip .eyebrow { display: flex; flex-wrap: wrap; gap: .125rem .875rem; margin: 0 0 .75rem; color: var(--soft);
  font-size: .9375rem }
.tip h1 { font-size: clamp(2rem, 1.45rem + 2.9vw, 3.125rem); line-height: 1.12; letter-spacing: -.022em;
  margin-bottom: 1.25rem }
.tip h1.long { font-size: clamp(1.375rem, 1.2rem + 1vw, 1.75rem); line-height: 1.3; letter-spacing: -.01em }
.tip h1 code { font-size: .8em }
.tip .body { color: var(--ink); font-size: 1.0625rem; max-width: 36rem }
.tip .body ul { padding-inline-start: 1.25rem }
.labels { display: flex; flex-wrap: wrap; gap: .375rem; list-style: none; padding: 0; margin: .25rem 0 1.25rem }
.labels li { padding: .0625rem .625rem; border-radius: 1rem; background: var(--sunk); color: var(--soft);
  font-size: .875rem }
.why { margin: .5rem 0 1.5rem }
.why h2 { font: 600 .875rem/1.5 var(--text); letter-spacing: 0; color: var(--soft); margin: 0 0 .25rem }
.why ul { list-style: none; padding: 0; margin: 0 }
.why li { padding-inline-start: 1.25rem; position: relative }
.why li::before { content: ""; position: absolute; inset-inline-start: .125rem; top: .65em; width: .4rem; height: .4rem;
  border-radius: 50%; background: var(--accent) }
.act { margin-top: auto; position: sticky; bottom: 0; padding: 1rem 0 .5rem;
  background: linear-gradient(transparent, var(--paper) 1rem) }
/* Where the buttons would cover what they are about, they go with the page. */
.act:has(details[open]) { position: static }
@media (max-height: 36rem) { .act { position: static } }
.act form.reactions { display: grid; grid-template-columns: 1fr 1fr; gap: .625rem }
.act .primary { grid-column: 1 / -1; min-height: 3.5rem; font-size: 1.125rem }
@media (min-width: 46rem) {
  main.tip { padding-bottom: 3rem }
  .tip article { margin-top: auto }
  .act { position: static; margin-top: 1rem; background: none }
  .tip > .fine { margin-bottom: auto }
}
.act details[open], .act details[open] ~ button { grid-column: 1 / -1 }
.choices { display: grid; gap: .5rem; padding-top: .5rem }
.choices button { justify-content: space-between }
.aside { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 0 1rem;
  margin: .25rem -.75rem 0 }
.aside form { display: flex }
.tip .fine { margin: 0 }
.empty { margin: auto 0; padding: 2rem 0 4rem; text-align: center }
.empty .button, .empty button { max-width: 22rem; margin: 0 auto }
.empty form { margin-bottom: .5rem }
.empty .quiet { display: inline-flex }
.front { margin: auto 0; padding: 1rem 0 4rem }
.front h1 { font-size: clamp(2.25rem, 1.5rem + 3.8vw, 3.5rem); line-height: 1.08; letter-spacing: -.025em }
.front form { max-width: 22rem; margin: 2rem 0 1rem }
main.centred { display: flex; flex-direction: column }
.past { list-style: none; padding: 0; margin: 0 }
.past > li { display: flex; align-items: flex-start; justify-content: space-between; gap: 1rem; padding: .875rem 0;
  border-top: 1px solid var(--line) }
.past p { margin: 0; min-width: 0 }
.past .what { font-weight: 500; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3;
  line-clamp: 3; overflow: hidden }
.past button { width: auto; min-height: 2.75rem; padding: 0 1rem; font-size: 1rem; flex: none }
.day { font: 600 .9375rem/1.5 var(--text); letter-spacing: 0; color: var(--soft); margin: 2rem 0 .5rem }
.pages { display: flex; justify-content: space-between; gap: 1rem; padding-top: 1rem;
  border-top: 1px solid var(--line) }
.pages a { display: inline-flex; align-items: center; min-height: 2.75rem }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .375rem 1.25rem; margin: 0 0 1.25rem }
.facts dt { color: var(--soft) }
.facts dd { margin: 0 }
.facts dd small { display: block; margin-top: -.125rem }
.wide .facts { grid-template-columns: max-content 1fr }
@media (min-width: 46rem) { .wide .facts { grid-template-columns: repeat(2, max-content 1fr) } }
summary.quiet { display: inline-flex; margin: 0 0 .75rem -.75rem; list-style: none; text-decoration: underline;
  text-underline-offset: .2em }
summary.quiet::-webkit-details-marker { display: none }
.state::before { content: ""; display: inline-block; width: .55rem; height: .55rem; border-radius: 50%;
  margin-inline-end: .5rem; background: var(--accent) }
.state.bad::before { background: var(--late) }
.state.off::before { background: none; box-shadow: inset 0 0 0 2px var(--edge) }
.pair { display: grid; grid-template-columns: repeat(2, minmax(min-content, 1fr)); gap: .625rem; align-items: start;
  margin-bottom: 1rem }
.pair button, .pair summary { padding: .5rem .75rem }
.pair details[open], .pair:has(details[open]) > form { grid-column: 1 / -1 }
.card form + .fine { margin-top: .75rem }
.confirm { padding-top: .75rem }
.steps { padding-inline-start: 1.25rem }
.sheet { overflow-x: auto; margin: 0 0 1.5rem; border: 1px solid var(--line); border-radius: .875rem;
  background: var(--raised) }
table { width: 100%; border-collapse: collapse; font-size: .875rem; line-height: 1.4;
  font-variant-numeric: tabular-nums }
th, td { padding: .5rem .875rem; text-align: start; white-space: nowrap; border-top: 1px solid var(--line) }
thead th { border-top: 0; color: var(--soft); font-weight: 600 }
td.number, th.number { text-align: end }
td.words { white-space: normal; min-width: 16rem }
/* Long names break before numbers leave the screen; a shade at the edge says that there is more beyond it. */
@media (max-width: 40rem) {
  th, td { padding-inline: .5rem }
  th.number { white-space: normal }
  td:first-child { min-width: 7.5rem; white-space: normal; overflow-wrap: anywhere }
  .sheet { background: linear-gradient(to left, var(--raised) 40%, transparent) right / 2.5rem 100% no-repeat local,
    linear-gradient(to left, var(--line), transparent) right / .75rem 100% no-repeat scroll, var(--raised) }
}
.acts { display: flex; gap: .25rem }
.acts .quiet { padding: 0 .5rem; font-size: .9375rem; color: var(--accent); text-decoration: underline;
  text-underline-offset: .2em }
td small { display: block }
.choose { display: flex; flex-wrap: wrap; gap: 0 1.25rem }
.choose a { display: inline-flex; align-items: center; min-height: 2.75rem; min-width: 0; overflow-wrap: anywhere }
.choose [aria-current] { color: var(--ink); font-weight: 600; text-decoration: none }
.live { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: center; justify-content: space-between }
`

export const style = [colours, frame, controls, places].join("").trimStart()
