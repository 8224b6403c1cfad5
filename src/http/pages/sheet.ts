/** A table with its heading, for pages that show the state of things. */
import { markup } from "./html.ts"
import type { Hole, Html } from "./html.ts"

/**
 * A heading that begins with `#` is one of numbers. It scrolls by itself on a phone, by keyboard too. `above` stands
 * over the table.
 */
export const sheet = (
  title: string,
  empty: string,
  heads: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Hole>>,
  above?: Hole,
): Html => {
  const id = title.toLowerCase().replaceAll(" ", "-")
  const numeric = heads.map((head) => head.startsWith("#"))
  const table = markup`<div class="sheet" role="region" tabindex="0" aria-labelledby="${id}"><table>
<thead><tr>${
    heads.map((head, at) =>
      markup`<th scope="col"${numeric[at] === true && markup` class="number"`}>${head.replace("#", "")}</th>`
    )
  }</tr></thead>
<tbody>${
    rows.map((row) =>
      markup`<tr>${
        row.map((cell, at) => markup`<td${numeric[at] === true && markup` class="number"`}>${cell}</td>`)
      }</tr>`
    )
  }</tbody></table></div>`
  return markup`<h2 id="${id}">${title}</h2>
${above}${rows.length === 0 ? markup`<p class="soft">${empty}</p>` : table}`
}
