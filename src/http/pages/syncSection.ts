/** Syncs on the operator's page: how each tool's users are, and who is late and why. Ids of users only. */
import type { LateSync, SyncsOfProvider } from "../Api.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import { sheet } from "./sheet.ts"
import { toolWords } from "./toolWords.ts"
import { lengthWords, relativeWords } from "./when.ts"

export interface SyncsView {
  readonly providers: ReadonlyArray<typeof SyncsOfProvider.Type>
  /** The worst first; not all of them. */
  readonly late: ReadonlyArray<typeof LateSync.Type>
}

export const syncSection = ({ providers, late }: SyncsView, nowMs: number): Html =>
  markup`${
    sheet(
      "Syncs",
      "No tool is set up.",
      ["Tool", "Calls", "#Connected", "#Failing", "#To reconnect", "#Due", "Longest wait", "Problems"],
      providers.map((one) => [
        toolWords[one.provider].name,
        circuitWords(one, nowMs),
        one.connected,
        one.failing,
        one.needsReconnect,
        one.due,
        one.due === 0 ? "" : lengthWords(one.lagMs),
        Object.entries(one.problems).map(([code, users]) => `${code}: ${users}`).join(", "),
      ]),
    )
  }
${
    sheet(
      "Late",
      "Nobody is late.",
      ["User", "Tool", "Last read", "Why", "#Failures", "Next try"],
      late.map((one) => [
        markup`${one.userId} <small>${one.tenantId}</small>`,
        toolWords[one.provider].name,
        moment(one.lastSyncAt, nowMs, "never"),
        why(one),
        one.failures,
        one.status === "needs-reconnect"
          ? "once the user connects again"
          : moment(one.nextSyncAt, nowMs, "not planned"),
      ]),
    )
  }`

const circuitWords = ({ circuit, retryAt }: typeof SyncsOfProvider.Type, nowMs: number): Html | string => {
  if (circuit === "closed") return "go out"
  if (circuit === "half-open") return "are tried again"
  const words = circuit === "gone" ? "ended: update tipstream" : "held back"
  return markup`<span class="late">${words}</span>${
    circuit === "open" && retryAt !== null && markup`, tried ${moment(retryAt, nowMs, "")}`
  }`
}

const why = ({ status, code, problem }: typeof LateSync.Type): Html | string => {
  const words = problem ?? (status === "needs-reconnect" ? "has to be connected again" : "waits for its turn")
  return code === null ? words : markup`${code} <small>${words}</small>`
}

const moment = (instant: string | null, nowMs: number, none: string): Html | string =>
  instant === null ? none : markup`<time datetime="${instant}">${relativeWords(Date.parse(instant), nowMs)}</time>`
