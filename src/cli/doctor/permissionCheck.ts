/** Whether Deno was started with the permissions the service needs; `bin/tipstream` gives them. Node has none. */
import path from "node:path"
import process from "node:process"
import { Effect, Redacted } from "effect"
import { settings } from "../../config.ts"
import type { Config } from "../../config.ts"
import { parseNatsUrl } from "../../streams/jetstream/natsAddress.ts"
import { projectRoot } from "../runtime.ts"
import { fail, ok } from "./Finding.ts"
import type { Judgement } from "./Finding.ts"

/** As Deno takes them; the types of Deno are not among ours. */
export type Need =
  | { readonly name: "read" | "write"; readonly path: string }
  | { readonly name: "run"; readonly command: string }
  | { readonly name: "env"; readonly variable: string }
  | { readonly name: "net"; readonly host: string }

interface Permissions {
  readonly query: (need: Need) => Promise<{ readonly state: "granted" | "prompt" | "denied" }>
}

const permissions = (globalThis as { Deno?: { permissions: Permissions } }).Deno?.permissions

/** All of them, for this configuration. */
const needsOf = (config: Config, todoistUrl: string): ReadonlyArray<Need> => {
  const data = path.resolve(config.dataDir)
  const urls = [
    config.databaseUrl && Redacted.value(config.databaseUrl),
    todoistUrl,
    config.todoistTokenUrl,
    config.otlpEndpoint,
  ]
  const natsServers = config.natsUrl === undefined ? [] : parseNatsUrl(Redacted.value(config.natsUrl)).servers
  return [
    { name: "read", path: projectRoot.replace(/\/$/, "") },
    { name: "read", path: data },
    ...(config.natsCreds === undefined ? [] : [{ name: "read", path: path.resolve(config.natsCreds) } as const]),
    { name: "write", path: data },
    { name: "run", command: "/bin/sh" },
    { name: "run", command: process.execPath },
    ...settings.map((setting): Need => ({ name: "env", variable: setting.name })),
    { name: "env", variable: "NODE_V8_COVERAGE" },
    { name: "env", variable: "PGAPPNAME" },
    { name: "net", host: "127.0.0.1" },
    { name: "net", host: config.host.includes(":") ? `[${config.host}]` : config.host },
    ...config.icalHosts.map((host) => ({ name: "net", host: `${host}:443` }) as const),
    ...natsServers.map((host) => ({ name: "net", host }) as const),
    ...urls.flatMap((url): ReadonlyArray<Need> => url === undefined ? [] : [{ name: "net", host: hostOf(url) }]),
  ]
}

const hostOf = (url: string): string => {
  const { host, port, protocol } = new URL(url)
  if (port !== "") return host
  return protocol === "https:" ? `${host}:443` : protocol === "http:" ? `${host}:80` : host
}

export const lookAtPermissions = Effect.fn("doctor.lookAtPermissions")(function* (config: Config, todoistUrl: string) {
  if (permissions === undefined) return ok("this is Node, which has no list of permissions")
  const states = yield* Effect.forEach(
    needsOf(config, todoistUrl),
    (need) => Effect.map(Effect.promise(() => permissions.query(need)), ({ state }) => ({ need, state })),
  )
  return judgePermissions(states)
})

export const judgePermissions = (
  states: ReadonlyArray<{ readonly need: Need; readonly state: string }>,
): Judgement => {
  const missing = new Set(states.filter(({ state }) => state !== "granted").map(({ need }) => wordsOf(need)))
  return missing.size === 0
    ? ok(`all ${states.length} that are needed are granted`)
    : fail(`Deno does not permit ${[...missing].join(", ")}`, "start with bin/tipstream, which gives what is needed")
}

const wordsOf = (need: Need): string => {
  if (need.name === "env") return `reading ${need.variable}`
  if (need.name === "net") return `talking to ${need.host}`
  return need.name === "run" ? `running ${need.command}` : `to ${need.name} ${need.path}`
}
