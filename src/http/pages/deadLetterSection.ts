/** The dead letters on the operator's page: who, what and when, never what was in them; and what to do with them. */
import type { DeadLetter } from "../../streams/DeadLetters.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import { saidBar, troubleBar } from "./notices.ts"
import type { Page } from "./page.ts"
import { sheet } from "./sheet.ts"
import { relativeWords } from "./when.ts"

/** What of the address stays when something is done on the page. */
export interface OperatorPlace {
  readonly live: boolean
  /** Only letters of this consumer. */
  readonly durable: string | undefined
}

/** What was just done, in numbers of letters. */
export interface Settled {
  readonly redriven?: number
  readonly refused?: number
  readonly dropped?: number
}

export interface DeadLettersView extends OperatorPlace {
  readonly settled: Settled
  readonly nowMs: number
}

const placeQuery = ({ live, durable }: OperatorPlace): Record<string, string> => ({
  ...(durable === undefined ? {} : { durable }),
  ...(live ? {} : { live: "off" }),
})

export const operatorAddress = (place: OperatorPlace, more: Readonly<Record<string, string>> = {}): string => {
  const query = new URLSearchParams({ ...placeQuery(place), ...more }).toString()
  return query === "" ? "/operator" : `/operator?${query}`
}

export const deadLetterSection = (
  view: DeadLettersView,
  { consumers, deadLetters, deadLettersOpen }: {
    readonly consumers: ReadonlyArray<{ readonly durable: string }>
    readonly deadLetters: ReadonlyArray<DeadLetter>
    readonly deadLettersOpen: number
  },
): Html => {
  const ids = deadLetters.map(({ id }) => id)
  const durables = new Set([...consumers, ...deadLetters].map(({ durable }) => durable))
  return markup`${
    sheet(
      "Dead letters",
      view.durable === undefined ? "None. Every event was taken in." : "None of this consumer.",
      ["Letter", "Do", "Reason", "Detail", "When", "Event", "#Attempts"],
      deadLetters.map((one) => [
        markup`${one.id} <small>${one.durable}</small>`,
        rowActs(view, one.id),
        one.reason,
        one.detail,
        relativeWords(one.diedAtMs, view.nowMs),
        // What never got onto the log has no number.
        one.sequence > 0 ? `${one.stream}#${one.sequence}` : one.stream,
        one.attempts,
      ]),
      markup`${settledBars(view.settled)}${
        (deadLettersOpen > 0 || view.durable !== undefined) && durableLinks(view, [...durables])
      }`,
    )
  }
${
    ids.length > 0 && markup`<p class="soft">${ids.length} of ${deadLettersOpen} shown, the newest first.</p>
<div class="pair">${redriveForm(view, ids, "Send these again", undefined)}
<form method="get" action="/operator/drop">${hidden(view, ids)}
<button class="grave" type="submit">Drop these</button></form></div>`
  }`
}

const durableLinks = (view: DeadLettersView, durables: ReadonlyArray<string>): Html => {
  const link = (durable: string | undefined) =>
    markup`<a href="${operatorAddress({ ...view, durable })}#dead-letters"${
      durable === view.durable && markup` aria-current="true"`
    }>${durable ?? "All"}</a>`
  return markup`<p class="choose">${[undefined, ...durables].map((durable) => markup`${link(durable)} `)}</p>`
}

const rowActs = (view: OperatorPlace, id: number): Html =>
  markup`<div class="acts">${redriveForm(view, [id], "Send again", `Send again: letter ${id}`)}
<a class="quiet" href="/operator/drop?${
    new URLSearchParams({ ids: String(id), ...placeQuery(view) }).toString()
  }" aria-label="Drop: letter ${id}">Drop</a></div>`

const redriveForm = (view: OperatorPlace, ids: ReadonlyArray<number>, words: string, label: string | undefined): Html =>
  markup`<form method="post" action="/operator/redrive">${hidden(view, ids)}
<button${label !== undefined && markup` class="quiet" aria-label="${label}"`} type="submit">${words}</button></form>`

const hidden = (view: OperatorPlace, ids: ReadonlyArray<number>): Html =>
  markup`${
    Object.entries({ ids: ids.join(","), ...placeQuery(view) }).map(([name, value]) =>
      markup`<input type="hidden" name="${name}" value="${value}">`
    )
  }`

const settledBars = ({ redriven = 0, refused = 0, dropped = 0 }: Settled): Html =>
  markup`${redriven > 0 && saidBar(`Sent again: ${lettersWords(redriven)}. What dies again comes back here.`)}
${dropped > 0 && saidBar(`Dropped: ${lettersWords(dropped)}.`)}
${
    refused > 0 &&
    troubleBar(`Not sent: ${lettersWords(refused)}. Somebody else was quicker, or nobody would take the message in.`)
  }`

const lettersWords = (count: number) => count === 1 ? "1 letter" : `${count} letters`

/** Asked before anything is lost. */
export const dropPage = (place: OperatorPlace, ids: ReadonlyArray<number>): Page => ({
  title: "Drop dead letters",
  layout: "centred",
  main: markup`<div class="front">
<h1>Drop ${lettersWords(ids.length)}?</h1>
<p class="lead">No. ${ids.join(", ")}. What was in ${
    ids.length === 1 ? "it" : "them"
  } is forgotten for good, and cannot be sent again.</p>
<form method="post" action="/operator/drop">${hidden(place, ids)}
<button class="grave" type="submit">Yes, drop for good</button></form>
<p><a href="${operatorAddress(place)}#dead-letters">Keep</a></p>
</div>`,
})
