/** The page a person opens to see that a task closed here. Server-rendered, no script; it reloads itself. */
import { type Account, openItems } from "./account.ts"
import { dayInZone, wallClock } from "./calendar.ts"
import { localParts } from "./due.ts"
import { escapeHtml, html, pageStyle } from "./html.ts"
import type { Reply } from "./reply.ts"
import type { Item } from "./wire.ts"
import type { World } from "./world.ts"

const reloadSeconds = 5
const completedShown = 20

const style = `${pageStyle}
li.below { padding-inline-start: 1.5rem }
li.done .what { text-decoration: line-through; color: var(--soft) }
.what { display: block } .late { color: var(--late) } .p4 { font-weight: 600 }
`

const dueText = (item: Item, zone: string, today: string): string => {
  if (item.due === null) return ""
  const { day, time } = localParts(item.due, zone)
  const elsewhere = item.due.timezone === null ? "" : ` (${escapeHtml(item.due.timezone)})`
  const when = `${day === today ? "today" : day}${time === null ? "" : ` ${time.slice(0, 5)}`}${elsewhere}`
  const late = day < today ? ` class="late"` : ""
  return `<span${late}>${when}</span>${item.due.is_recurring ? ` · ${escapeHtml(item.due.string)}` : ""}`
}

const openRow = (item: Item, zone: string, today: string): string => {
  const facts = [
    dueText(item, zone, today),
    item.priority > 1 ? `p${5 - item.priority}` : "",
    item.completed_count > 0 ? `done ${item.completed_count}×` : "",
    ...item.labels.map((label) => escapeHtml(`@${label}`)),
  ].filter((fact) => fact !== "")
  const below = item.parent_id === null ? "" : ` class="below"`
  const weight = item.priority === 4 ? " p4" : ""
  return `<li${below}><span class="what${weight}" dir="auto">${escapeHtml(item.content)}</span>` +
    `<small>${facts.join(" · ")}</small></li>`
}

/** A finished task, or a recurring one that was done and has moved on. */
const doneRow = (item: Item, zone: string): string => {
  const at = wallClock(Date.parse(item.completed_at ?? item.updated_at), zone).replace("T", " ")
  const fact = item.checked
    ? `completed ${at}`
    : `done ${item.completed_count}×, next ${item.due?.date.slice(0, 10) ?? ""}`
  return `<li class="done"><span class="what" dir="auto">${escapeHtml(item.content)}</span><small>${fact}</small></li>`
}

/** Each task, then the tasks below it. */
const inOrder = (items: ReadonlyArray<Item>): Array<Item> => {
  const ids = new Set(items.map(({ id }) => id))
  const below = (id: string): Array<Item> =>
    items.filter(({ parent_id: parent }) => parent === id).flatMap((child) => [child, ...below(child.id)])
  return items.filter(({ parent_id: parent }) => parent === null || !ids.has(parent))
    .flatMap((item) => [item, ...below(item.id)])
}

const body = (account: Account, nowMs: number, token: string): string => {
  const zone = account.timeZone
  const today = dayInZone(nowMs, zone)
  const open = openItems(account)
  const done = [...account.items.values()].map(({ value }) => value)
    .filter((item) => (item.checked || item.completed_count > 0) && !item.is_deleted)
    .sort((a, b) => b.updated_at.localeCompare(a.updated_at))
  const projects = [...account.projects.values()].map(({ value }) => value)
    .map((project) => ({ project, items: inOrder(open.filter((item) => item.project_id === project.id)) }))
    .filter(({ items }) => items.length > 0)
  return `<h1>Todoist simulator</h1>
<p>${escapeHtml(account.fullName)} · ${open.length} open · ${account.completedCount} completed · ${
    escapeHtml(zone)
  } · ${today}</p>
<p>API token: <code>${escapeHtml(token)}</code></p>
${
    done.length === 0
      ? ""
      : `<h2>Done lately</h2><ul>${done.slice(0, completedShown).map((item) => doneRow(item, zone)).join("\n")}</ul>`
  }
${
    projects.map(({ project, items }) =>
      `<h2 dir="auto">${escapeHtml(project.name)}</h2><ul>${
        items.map((item) => openRow(item, zone, today)).join("\n")
      }</ul>`
    ).join("\n")
  }`
}

export const answerPage = (world: World, nowMs: number): Reply => {
  const account = world.accounts.byToken.get(world.demoToken)
  const reload = `<meta http-equiv="refresh" content="${reloadSeconds}">`
  return html("Todoist simulator", style, account === undefined ? "" : body(account, nowMs, world.demoToken), reload)
}
