import { Redacted } from "effect"
import fc from "fast-check"
import { inspect } from "node:util"
import { describe, expect, it } from "vitest"
import { readConfig, settings } from "./config.ts"
import type { Config } from "./config.ts"
import { readAddress } from "./connectors/ical/address.ts"

const configOf = (environment: Record<string, string>): Config => {
  const { config, problems } = readConfig(environment)
  if (config === undefined) throw new Error(problems.join("\n"))
  return config
}
const problemsOf = (environment: Record<string, string>) => readConfig(environment).problems
const named = (name: string) => settings.find((setting) => setting.name === name)!
const numeric = settings.filter(({ bound }) => /^-?[\d.]+ to -?[\d.]+$/.test(bound)).map((setting) => {
  const [minimum, maximum] = setting.bound.split(" to ").map(Number) as [number, number]
  return { name: setting.name, setting, minimum, maximum, isWhole: setting.name !== "POLICY_EPSILON" }
})
const secrets = ["DATABASE_URL", "NATS_URL", "TODOIST_TOKEN", "TODOIST_CLIENT_SECRET", "ADMIN_TOKEN", "VAULT_KEYS"]

describe("configuration", () => {
  it("needs no environment at all", () => {
    expect(configOf({})).toEqual({
      host: "127.0.0.1",
      port: 8080,
      publicUrl: undefined,
      dataDir: ".data",
      databaseUrl: undefined,
      databasePoolMax: 16,
      natsUrl: undefined,
      natsCreds: undefined,
      natsWaitMs: 10_000,
      natsReplicas: 1,
      streamLimits: [],
      outboxKeepMs: 600_000,
      outboxAlarm: 10_000,
      todoistBaseUrl: undefined,
      todoistToken: undefined,
      todoistSyncIntervalMs: undefined,
      todoistClientId: undefined,
      todoistClientSecret: undefined,
      todoistAuthorizeUrl: undefined,
      todoistTokenUrl: undefined,
      icalHosts: [],
      syncConcurrency: 16,
      syncRateMax: 200,
      syncStartDelayMs: undefined,
      actors: "local",
      clusterHost: "127.0.0.1",
      clusterPort: 34_431,
      todoistTimeoutMs: 15_000,
      freshMs: 30_000,
      freshBudgetMs: 300,
      tipWindowMs: 14_400_000,
      policy: "epsilon-greedy",
      policyEpsilon: 0.1,
      partitions: 8,
      consumerBatchMax: 200,
      consumerAttemptsMax: 5,
      consumerAckWaitMs: 5_000,
      httpBodyMaxBytes: 65_536,
      sessionIdleMs: 1_209_600_000,
      adminToken: undefined,
      vaultKeys: undefined,
      logLevel: "info",
      logFormat: "auto",
      shutdownGraceMs: 5_000,
      otlpEndpoint: undefined,
    })
  })

  it("takes every setting from the environment", () => {
    const config = configOf({
      HOST: "::1",
      PORT: "0",
      PUBLIC_URL: "https://tips.example.org/",
      DATABASE_URL: "postgresql://u:p%40ss@db:5432/tips",
      TODOIST_BASE_URL: "http://127.0.0.1:8090//",
      TODOIST_SYNC_INTERVAL_MS: "60000",
      POLICY: "random",
      POLICY_EPSILON: "0.25",
      LOG_LEVEL: "debug",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:password@otel:4318",
    })
    expect(config).toMatchObject({
      host: "::1",
      port: 0,
      publicUrl: "https://tips.example.org",
      todoistBaseUrl: "http://127.0.0.1:8090",
      todoistSyncIntervalMs: 60_000,
      policy: "random",
      policyEpsilon: 0.25,
      logLevel: "debug",
      otlpEndpoint: "http://user:password@otel:4318",
    })
    expect(Redacted.value(config.databaseUrl!)).toBe("postgresql://u:p%40ss@db:5432/tips")
  })

  it("takes an empty value for unset, whatever the setting", () => {
    expect(configOf(Object.fromEntries(settings.map(({ name }) => [name, ""])))).toEqual(configOf({}))
  })

  it("takes web addresses only, however well formed another is", () => {
    for (const text of ["ftp://host/", "file:///etc/passwd", "javascript:alert(1)", "localhost:8080", "//host", " "]) {
      expect(problemsOf({ PUBLIC_URL: text }), text)
        .toEqual([`PUBLIC_URL: expected an http or https address, got ${JSON.stringify(text)}`])
    }
  })

  it("takes hosts of calendars by name, and nothing that is more than a host", () => {
    expect(configOf({ ICAL_HOSTS: " Calendar.Google.com, *.icloud.com," }).icalHosts)
      .toEqual(["calendar.google.com", "*.icloud.com"])
    for (const text of ["https://calendar.google.com", "host:443", "a b", "*", "*.", "a.*.org", ".example.org"]) {
      expect(problemsOf({ ICAL_HOSTS: text })[0], text).toContain("ICAL_HOSTS: expected names of hosts")
    }
    for (const text of ["localhost", "127.0.0.1", "10.0.0.1", "intranet", "nas.local", "*.com", "*.internal"]) {
      expect(problemsOf({ ICAL_HOSTS: `calendar.google.com,${text}` }), text)
        .toEqual([expect.stringContaining(`ICAL_HOSTS: expected names of public hosts: "${text}" is never read`)])
    }
  })

  it("takes the hosts of calendars that are read, and no others", () => {
    const ends = ["com", "local", "localhost", "internal", "home", "lan", "arpa", "1", "x1", "in-addr.arpa"]
    for (const host of ends.flatMap((end) => [end, `a.${end}`, `b-1.a.${end}`, `10.0.0.${end}`])) {
      const { _tag } = readAddress(`https://${host}/x`, { hosts: [host] })
      expect([host, problemsOf({ ICAL_HOSTS: host }).length === 0]).toEqual([host, _tag === "Address"])
    }
  })

  it("takes an app's id without white space only", () => {
    const secret = { TODOIST_CLIENT_SECRET: "s" }
    expect(configOf({ TODOIST_CLIENT_ID: "0123abc", ...secret }).todoistClientId).toBe("0123abc")
    expect(problemsOf({ TODOIST_CLIENT_ID: "0123abc" })).toEqual([
      "TODOIST_CLIENT_ID, TODOIST_CLIENT_SECRET: expected both or neither",
    ])
    expect(problemsOf({ TODOIST_CLIENT_ID: "0123 abc" })).toEqual([
      "TODOIST_CLIENT_ID: expected printable characters without white space",
    ])
  })

  it("ignores what is not its own", () => {
    expect(configOf({ PATH: "/bin", port: "1", HOSTNAME: "x" })).toEqual(configOf({}))
  })

  it("lists all problems at once, one sentence each, by name", () => {
    const { config, problems } = readConfig({
      PORT: "http",
      TODOIST_BASE_URL: "todoist.com",
      DATABASE_URL: "localhost",
      POLICY: "greedy",
      POLICY_EPSILON: "1.5",
      PARTITIONS: "0",
    })
    expect(config).toBeUndefined()
    expect(problems).toEqual([
      'PORT: expected a whole number from 0 to 65535, got "http"',
      "DATABASE_URL: expected postgres://user:password@host:5432/name, special characters in it percent-encoded",
      'TODOIST_BASE_URL: expected an http or https address, got "todoist.com"',
      'POLICY: expected one of epsilon-greedy, random, got "greedy"',
      'POLICY_EPSILON: expected a number from 0 to 1, got "1.5"',
      'PARTITIONS: expected a whole number from 1 to 64, got "0"',
    ])
  })
})

describe("numbers", () => {
  it.each(numeric)("$name is taken within its bounds and refused outside", ({ name, minimum, maximum, isWhole }) => {
    const step = isWhole ? 1 : 0.001
    for (const inside of [minimum, maximum]) expect(problemsOf({ [name]: String(inside) }), `${inside}`).toEqual([])
    for (const outside of [minimum - step, maximum + step]) {
      expect(problemsOf({ [name]: String(outside) }), `${outside}`).toHaveLength(1)
    }
  })

  it("are plain decimals, nothing else JavaScript would take for one", () => {
    for (
      const text of ["0x50", "1e3", "8_080", "8080.5", "8,080", "+80", "NaN", "Infinity", " ", "80 80", "true", "٣"]
    ) {
      expect(problemsOf({ PORT: text }), text).toEqual([
        `PORT: expected a whole number from 0 to 65535, got ${JSON.stringify(text)}`,
      ])
    }
    expect(configOf({ PORT: " 8090 " }).port).toBe(8090)
  })

  it("are what was written, whatever it was", () => {
    const whole = fc.constantFrom(...numeric.filter(({ isWhole }) => isWhole))
    fc.assert(fc.property(whole, fc.maxSafeInteger(), fc.double({ max: 1, min: 0, noNaN: true }), (one, far, share) => {
      const { maximum, minimum, name, setting } = one
      const inside = minimum + Math.round(share * (maximum - minimum))
      expect(setting.read(String(inside))).toBe(inside)
      fc.pre(far < minimum || far > maximum)
      expect(problemsOf({ [name]: String(far) })).toHaveLength(1)
    }))
  })
})

describe("secrets", () => {
  it.each(secrets)("%s shows nowhere the configuration is printed", (name) => {
    const shaped: Record<string, string> = {
      DATABASE_URL: "postgres://tips:hunter2@db/tips",
      NATS_URL: "nats://tips:hunter2@nats:4222",
      VAULT_KEYS: `k1:hunter2${"A".repeat(36)}=`,
    }
    const config = configOf({
      ...(name === "TODOIST_CLIENT_SECRET" ? { TODOIST_CLIENT_ID: "app" } : {}),
      [name]: shaped[name] ?? "hunter2",
    })
    for (const shown of [inspect(config, { depth: 9, showHidden: true }), JSON.stringify(config), String(config)]) {
      expect(shown).not.toContain("hunter2")
    }
  })

  it.each(secrets)("%s is never repeated in a problem, its own or another's", (name) => {
    for (
      const value of ["hunter2", "postgres//tips:hunter2@db", "mysql://tips:hunter2@db/x", "postgres://a:hunter2 @/"]
    ) {
      expect(problemsOf({ [name]: value, PORT: "x" }).join()).not.toContain("hunter2")
    }
  })

  it("DATABASE_URL may name several hosts, a socket folder, or nothing but the scheme", () => {
    for (
      const value of ["postgres://u:p@h1:5432,h2:5433/tips", "postgres:///tips?host=/run/postgresql", "postgres://"]
    ) {
      expect(problemsOf({ DATABASE_URL: value }), value).toEqual([])
    }
  })

  it("a password in an address is not repeated either", () => {
    for (const name of ["PUBLIC_URL", "TODOIST_BASE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"]) {
      const [problem] = problemsOf({ [name]: "https//user:hunter2@host" })
      expect(problem).toBe(`${name}: expected an http or https address`)
    }
  })
})

describe("the table of settings", () => {
  it("has one row per setting, each with what a reader needs", () => {
    expect(settings).toHaveLength(Object.keys(configOf({})).length)
    expect(new Set(settings.map(({ name }) => name)).size).toBe(settings.length)
    for (const { name, doc, default: shown } of settings) {
      expect(name).toMatch(/^[A-Z][A-Z0-9_]*$/)
      expect(doc, name).toMatch(/^.{10,}\.$/)
      expect(shown, name).not.toBe("")
    }
  })

  it("shows the defaults that are in force", () => {
    for (const { name, default: shown, read } of settings) {
      const value = read(undefined)
      const none = Array.isArray(value) && value.length === 0
      expect(shown, name).toMatch(value === undefined ? /^unset$|;/ : none ? /^none$/ : new RegExp(`^${value}$`))
    }
  })

  it("shows defaults and choices that are themselves accepted", () => {
    for (const { setting } of numeric) expect(setting.read(setting.default.split(";")[0])).toBeTypeOf("number")
    for (const name of ["POLICY", "LOG_LEVEL", "LOG_FORMAT"]) {
      for (const choice of named(name).bound.split(", ")) expect(named(name).read(choice)).toBe(choice)
    }
  })
})
