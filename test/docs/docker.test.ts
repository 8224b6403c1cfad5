/** What docker/ repeats of the project must be what the project says. */
import fs from "node:fs"
import { describe, expect, it } from "vitest"
import { settings } from "../../src/config.ts"

const read = (file: string) => fs.readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")
const dockerfile = read("docker/Dockerfile")
const compose = read("docker/compose.yaml")
const example = read("docker/.env.example")

describe("docker/", () => {
  it("the image runs the Deno that the project pins", () => {
    const { dependencies } = JSON.parse(read("package.json")) as { dependencies: Record<string, string> }
    expect(/denoland\/deno:debian-([\d.]+)/.exec(dockerfile)?.[1]).toBe(dependencies["deno"])
    expect(read("docker/check.sh")).toContain(`denoland/deno:debian-${dependencies["deno"]}`)
  })

  it("the image has a health check and does not run as root", () => {
    expect(dockerfile).toMatch(/^HEALTHCHECK .*/m)
    expect(/^USER (\d+)/m.exec(dockerfile)?.[1]).toBe("1000")
  })

  it("sets settings that exist", () => {
    const known = new Set(settings.map(({ name }) => name))
    const image = /^ENV (.*)$/m.exec(dockerfile)![1]!.split(" ").map((pair) => pair.split("=")[0]!)
    expect(image.filter((name) => name !== "DENO_DIR" && !known.has(name))).toEqual([])
    const block = compose.slice(compose.indexOf("x-settings:"), compose.indexOf("services:"))
    const composed = [...block.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name!)
    expect(composed.length).toBeGreaterThan(2)
    expect([...composed, "NATS_URL"].filter((name) => !known.has(name))).toEqual([])
  })

  it("the example names every variable that the compose file asks for", () => {
    const asked = new Set([...compose.matchAll(/\$\{([A-Z_]+)[:}]/g)].map(([, name]) => name!))
    const named = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name!)
    expect([...asked].sort()).toEqual(named.sort())
  })
})
