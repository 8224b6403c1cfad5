/** Axe over a page, put there by the debugger: a policy that forbids scripts stands, and is not in its way. */
import { createRequire } from "node:module"
import fs from "node:fs"
import type { Page } from "playwright-core"

interface AxeResult {
  readonly id: string
  readonly nodes: ReadonlyArray<{ readonly html: string; readonly failureSummary?: string }>
}

const source = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** What is not accessible, one line each; rules in `without` are left out. */
export const faultsFor = async (page: Page, without: ReadonlyArray<string> = []): Promise<ReadonlyArray<string>> => {
  await page.evaluate(source)
  const violations = await page.evaluate(async (disabled): Promise<ReadonlyArray<AxeResult>> => {
    const { axe } = globalThis as unknown as {
      readonly axe: { readonly run: (options: object) => Promise<{ readonly violations: ReadonlyArray<AxeResult> }> }
    }
    const rules = Object.fromEntries(disabled.map((rule) => [rule, { enabled: false }]))
    return (await axe.run({ rules })).violations
  }, [...without])
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = "" }) => `${id}: ${html}\n${failureSummary}`)
  )
}
