/** What went wrong, for people: one sentence, and a way on. */
import { markup } from "./html.ts"
import { respond } from "./page.ts"

export const errorPage = (status: number, title: string, detail?: string) =>
  respond({
    title,
    layout: "centred",
    main: markup`<div class="empty">
<h1>${title}</h1>
${detail !== undefined && markup`<p class="lead">${detail}</p>`}
<p><a class="button" href="/">Back to your tip</a></p>
</div>`,
  }, status)
