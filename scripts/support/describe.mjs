// Prints, as JSON, what the source says about itself: `openapi` or `settings`. Run by Deno for scripts/generate.mjs.
import process from "node:process"

const source = (file) => import(new URL(`../../${file}`, import.meta.url).href)

/** Sorted by key, so that the order of definition in the source never shows as a change. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== "object") return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
}

async function openapi() {
  const { OpenApi } = await import("effect/http-api")
  const { Api } = await source("src/http/Api.ts")
  const { openapi, info, ...rest } = sorted(OpenApi.fromApi(Api))
  return { openapi, info, ...rest }
}

async function settings() {
  const { settings } = await source("src/config.ts")
  return settings.map(({ name, unit, default: byDefault, doc, bound }) => ({ name, unit, byDefault, doc, bound }))
}

const what = { openapi, settings }[process.argv[2]]
process.stdout.write(JSON.stringify(await what(), null, 2) + "\n")
