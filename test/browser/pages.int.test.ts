/** The pages in a real browser, against a real service: with every script off, and judged by axe in both schemes. */
import type { Browser, BrowserContext, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { eventually } from "../support/eventually.ts"
import { clientOf } from "../support/httpClient.ts"
import { launchBrowser } from "../support/chromium.ts"
import { demoToken, worldOfFile } from "../support/world.ts"
import { faultsFor } from "./axe.ts"

const app = { id: "tipstream-test", secret: "client-secret" }
const world = worldOfFile({
  // Without exploring the first tip is a task, and not, one time in ten, an advice that nobody closes.
  POLICY_EPSILON: "0",
  ADMIN_TOKEN: "operators-token",
  TODOIST_CLIENT_ID: app.id,
  TODOIST_CLIENT_SECRET: app.secret,
})

const phone = { width: 390, height: 844 }
const desk = { width: 1280, height: 860 }

let browser: Browser
const contexts: Array<BrowserContext> = []
beforeAll(async () => {
  browser = await launchBrowser()
}, 120_000)
afterAll(() => browser?.close())
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close()
})

const visit = async (options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> => {
  const context = await browser.newContext({
    baseURL: world.url,
    javaScriptEnabled: false,
    viewport: phone,
    ...options,
  })
  contexts.push(context)
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  return page
}

const signIn = async (page: Page) => {
  await page.goto("/")
  await press(page, "Continue as the demo user")
}
const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).first().click()
const title = (page: Page) => page.getByRole("heading", { level: 1 }).innerText()
const bar = (page: Page) => page.locator(".bar").innerText()

describe("without a script", () => {
  it("a person signs in, sets a tip aside, takes it back, does it and finds it in the history", async () => {
    const page = await visit()
    await signIn(page)
    expect(new URL(page.url()).pathname).toBe("/tip")
    const first = await title(page)

    await press(page, "Not this")
    expect(await bar(page)).toContain(`Not this: ${first}`)
    expect(await title(page)).not.toBe(first)
    await press(page, /^Undo/)
    expect([await title(page), await bar(page)]).toEqual([first, expect.stringContaining("Back again:")])

    await press(page, "Done")
    expect(await bar(page)).toBe(`Done: ${first}`)
    const second = await title(page)
    expect(second).not.toBe(first)

    await page.locator("summary", { hasText: "Later" }).click()
    await press(page, /^Tomorrow morning|^In the morning/)
    expect(await bar(page)).toContain(`Later: ${second}`)

    await page.getByRole("link", { name: "History" }).click()
    const rows = await page.locator(".past > li").allInnerTexts()
    expect(rows.find((row) => row.includes(first))).toContain("Done")
    expect(rows.find((row) => row.includes(second))).toContain("Put off")
    await press(page, `Undo: ${second}`)
    expect(await bar(page)).toContain(`Back again: ${second}`)
    await eventually("the task is closed in its tool", async () => {
      const { executions } = await world.simulator.ledger(demoToken)
      const closed = Object.values(executions).some((times) => times["item_close"] === 1)
      return closed || undefined
    })
  })

  it("the same answer from another window changes nothing, and a different one is refused kindly", async () => {
    const page = await visit()
    await signIn(page)
    const first = await title(page)
    const [again, other] = [await page.context().newPage(), await page.context().newPage()]
    for (const window of [again, other]) await window.goto("/tip")
    await press(page, "Not this")
    await press(again, "Not this")
    expect(await bar(again)).toContain(`Not this: ${first}`)
    await press(other, "Done")
    expect(await bar(other)).toBe("You had answered that tip before. The first answer stands.")
  })

  it("a person disconnects, is told about a wrong token and connects again", async () => {
    const page = await visit()
    await signIn(page)
    await page.getByRole("link", { name: "Connect" }).click()
    await press(page, "Read it now")
    expect(await bar(page)).toBe("Your list is up to date.")
    await page.locator("summary", { hasText: "Disconnect" }).click()
    await press(page, "Yes, disconnect and forget")
    expect(await bar(page)).toContain("forgotten")

    await page.getByLabel("Personal API token").fill("wrong")
    await press(page, "Connect with this token")
    expect(await page.getByRole("alert").innerText()).toContain("does not accept this token")
    await page.getByLabel("Personal API token").fill(demoToken)
    await press(page, "Connect with this token")
    expect(await bar(page)).toBe("Connected. Your list is here.")
    expect(await page.content()).not.toContain(demoToken)
  })

  it("a person goes to the tool by a button of ours, says no, says yes, and lets us do more later", async () => {
    await clientOf(world.simulator.url).call("POST", "/_sim/clients", { json: app })
    const page = await visit({ viewport: desk })
    await signIn(page)
    await page.goto("/connect")
    await page.locator("summary", { hasText: "Disconnect" }).click()
    await press(page, "Yes, disconnect and forget")
    const back = () => page.waitForURL((url) => url.pathname === "/connect")

    await press(page, "Connect with Todoist")
    await press(page, "Cancel")
    await back()
    expect(await bar(page)).toBe("You did not let tipstream into Todoist. That is fine: nothing was changed.")
    await press(page, "Connect with Todoist")
    await press(page, "Allow")
    await back()
    expect(await bar(page)).toBe("Connected. Your list is here.")
    expect(page.url()).not.toMatch(/code|state/)
    await press(page, "Let tipstream complete tasks")
    await press(page, "Allow")
    await back()
    expect(await page.getByRole("button", { name: "Let tipstream complete tasks" }).count()).toBe(0)
  })

  it("the operator gives the token once, and a wrong one opens nothing", async () => {
    const page = await visit({ viewport: desk })
    await page.goto("/operator")
    await page.getByLabel("Operator’s token").fill("wrong")
    await press(page, "Open")
    expect(await page.getByRole("alert").innerText()).toContain("not the operator’s token")
    await page.getByLabel("Operator’s token").fill("operators-token")
    await press(page, "Open")
    expect(await title(page)).toBe("Operator")
    await page.getByRole("link", { name: "Pause" }).click()
    expect(await page.locator("#last-events + .sheet tbody tr").count()).toBeGreaterThan(0)
    await press(page, "Forget the token")
    expect(await title(page)).toBe("For the operator")
  })
})

describe.each([["light", phone], ["dark", phone], ["light", desk], ["dark", desk]] as const)(
  "in %s, %j",
  (colorScheme, viewport) => {
    it("every page is accessible, fits the screen, runs no script and breaks no policy", async () => {
      // Axe itself needs scripts; the pages' policy still lets none of theirs run.
      const page = await visit({ colorScheme, viewport, javaScriptEnabled: true })
      const complaints: Array<string> = []
      page.on("console", (message) => complaints.push(message.text()))
      const look = async (path: string, without: ReadonlyArray<string> = []) => {
        const response = path === "" ? undefined : await page.goto(path)
        const faults = await faultsFor(page, without)
        expect(faults.join("\n"), path).toBe("")
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - globalThis.innerWidth)
        expect(wider, `${path} scrolls sideways`).toBeLessThanOrEqual(0)
        return response?.status()
      }
      const small = () =>
        page.evaluate(() =>
          [...document.querySelectorAll("button, .button, summary, nav a, .quiet")]
            .filter((one) => one.getClientRects().length > 0 && one.getBoundingClientRect().height < 44)
            .map((one) => one.textContent)
        )
      await look("/")
      await signIn(page)
      const connect = [
        "",
        "?trouble=rejected",
        "?trouble=other-account",
        "?trouble=denied",
        "?said=disconnected-pending",
      ]
      const places = ["/tip", "/tip?refused=TipHasExpired", "/history", ...connect.map((query) => `/connect${query}`)]
      for (const path of places) {
        await look(path)
        expect(await small(), path).toEqual([])
      }
      await page.goto("/tip")
      await page.locator("summary").click()
      await look("")
      expect(await small()).toEqual([])
      expect(await look("/operator")).toBe(401)
      await page.getByLabel("Operator’s token").fill("operators-token")
      await press(page, "Open")
      await look("/operator?live=off")
      // It reloads itself, and offers to stop that: WCAG 2.2.1 asks for no more, the rule does.
      await look("/operator", ["meta-refresh"])
      expect(await look("/nothing-here")).toBe(404)
      expect(complaints.filter((text) => !/status of 40[14]/.test(text))).toEqual([])
    }, 60_000)
  },
)
