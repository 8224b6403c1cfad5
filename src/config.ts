/**
 * Every setting of the service: its unit, default and bound. The only reader of the environment.
 *
 * All settings are read and checked once, at start. All problems are reported together, by name,
 * with what was expected; values of secrets are never repeated.
 */
import process from "node:process"
import { Redacted } from "effect"

/** One row of the settings table in the README. */
export interface Setting<A = unknown> {
  readonly name: string
  readonly default: string
  readonly bound: string
  readonly doc: string
  /** Gives the value, or throws a sentence saying what was expected. */
  readonly read: (text: string | undefined) => A
}

export interface StreamLimit {
  readonly stream: string
  readonly field: (typeof limitFields)[number]
  readonly value: number
}

const limitFields = ["max_age_ms", "max_msgs", "max_bytes"] as const

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** `host1:5432,host2:5432` is an address for Postgres, though not for `URL`. */
const furtherHosts = /,[^/@]*(?=[/?]|$)/

const definitions = {
  host: text("HOST", "127.0.0.1", "Address to listen on. Demo mode works on loopback only."),
  port: integer("PORT", 8080, 0, 65_535, "Port to listen on; 0 takes a free one."),
  publicUrl: optional(
    url("PUBLIC_URL", "Address people use, when a proxy stands in front. https makes cookies Secure."),
  ),
  dataDir: text(
    "DATA_DIR",
    ".data",
    "Folder of the embedded Postgres, its lock, the vault key and the simulator's state.",
  ),
  databaseUrl: optional(
    secret(
      "DATABASE_URL",
      "Postgres 15 or newer to use instead of the embedded one: `postgres://user:password@host:5432/name`.",
      (given) => /^postgres(ql)?:\/\//.test(given) && URL.canParse(given.replace(furtherHosts, "")),
      "expected postgres://user:password@host:5432/name, special characters in it percent-encoded",
    ),
  ),
  databasePoolMax: integer("DATABASE_POOL_MAX", 16, 2, 200, "Connections to Postgres held by one process."),
  natsUrl: optional(
    secret(
      "NATS_URL",
      "NATS server 2.9 or newer (2.12 recommended) with JetStream, to carry the event log instead of the database: " +
        "`nats://host:4222`, several separated by commas.",
      (given) => given.split(",").every((one) => isNatsServer(one.trim())),
      "expected nats://host:4222 or tls://host:4222 (a port is from 1 to 65535), several separated by commas",
    ),
  ),
  natsCreds: file("NATS_CREDS", "Credentials file for `NATS_URL`."),
  natsWaitMs: integer(
    "NATS_WAIT_MS",
    10_000,
    0,
    600_000,
    "How long a start waits for the NATS server before it gives up. Later outages are waited out.",
  ),
  natsReplicas: integer("NATS_REPLICAS", 1, 1, 5, "Copies of each stream in a NATS cluster."),
  streamLimits: streamLimits(
    "STREAM_LIMITS",
    "Limits of streams on NATS that differ from the wire contract's: " +
      "`SIGNALS.max_msgs=100000,DECISIONS.max_age_ms=…`; fields `max_age_ms`, `max_msgs`, `max_bytes`; " +
      "0 is without bound.",
  ),
  outboxKeepMs: integer(
    "OUTBOX_KEEP_MS",
    10 * minuteMs,
    2 * minuteMs,
    30 * dayMs,
    "How long an event stays in the outbox after NATS acknowledged it, to be sent again if NATS loses it. " +
      "Longer than its `sync_interval`.",
  ),
  outboxAlarm: integer(
    "OUTBOX_ALARM",
    10_000,
    1,
    100_000_000,
    "Events waiting for NATS beyond which the service says that it is degraded.",
  ),
  todoistBaseUrl: optional(
    url(
      "TODOIST_BASE_URL",
      "Todoist's API, or a stand-in. Unset: `https://api.todoist.com`; with `--demo` and no token, the simulator.",
    ),
  ),
  todoistToken: optional(
    secret("TODOIST_TOKEN", "A personal API token: `--demo` then syncs that real account instead of the simulator's."),
  ),
  todoistSyncIntervalMs: orElse(
    integer(
      "TODOIST_SYNC_INTERVAL_MS",
      15 * minuteMs,
      1_000,
      dayMs,
      "Time between two syncs of one user, jittered by a tenth.",
    ),
    "900000; 15000 with the simulator",
  ),
  todoistClientId: optional(
    word("TODOIST_CLIENT_ID", "Of your app at Todoist, to let users connect by OAuth. With `TODOIST_CLIENT_SECRET`."),
  ),
  todoistClientSecret: optional(
    secret("TODOIST_CLIENT_SECRET", "Of the same app; it also proves that a webhook comes from Todoist."),
  ),
  todoistAuthorizeUrl: orElse(
    url("TODOIST_AUTHORIZE_URL", "Where a user's browser is sent to agree."),
    "`https://app.todoist.com/oauth/authorize`; with another `TODOIST_BASE_URL`, its `/oauth/authorize`",
  ),
  todoistTokenUrl: orElse(
    url("TODOIST_TOKEN_URL", "Where codes and refresh tokens are traded in."),
    "`https://api.todoist.com/oauth/access_token`; with another `TODOIST_BASE_URL`, its `/oauth/access_token`",
  ),
  icalHosts: hosts(
    "ICAL_HOSTS",
    "Hosts whose calendar feeds users may connect by address, such as `calendar.google.com,*.icloud.com`. " +
      "None: calendars are not offered.",
  ),
  syncConcurrency: integer(
    "SYNC_CONCURRENCY",
    16,
    1,
    256,
    "Syncs of one provider that run at once in one process; those that hang or failed before have places beside them.",
  ),
  syncRateMax: integer(
    "SYNC_RATE_MAX",
    200,
    1,
    10_000,
    "Scheduled syncs of one provider that begin per second in one process.",
  ),
  syncStartDelayMs: orElse(
    integer(
      "SYNC_START_DELAY_MS",
      2_000,
      0,
      600_000,
      "How long after its start a process begins with scheduled syncs, jittered by half.",
    ),
    "2000; 0 with the simulator",
  ),
  actors: oneOf(
    "ACTORS",
    ["local", "cluster"],
    "local",
    "Where the sync actors of users run: `local` in the process that is asked, under leases in the database; " +
      "`cluster` spread over all processes that share the database, each user in one of them.",
  ),
  clusterHost: text("CLUSTER_HOST", "127.0.0.1", "Address at which the other processes of the cluster reach this one."),
  clusterPort: integer("CLUSTER_PORT", 34_431, 1, 65_535, "Port for them; each process on a machine needs its own."),
  todoistTimeoutMs: integer(
    "TODOIST_TIMEOUT_MS",
    15_000,
    100,
    120_000,
    "Longest wait for one answer of Todoist (its own limit is 15 s).",
  ),
  freshMs: integer("FRESH_MS", 30_000, 0, dayMs, "A recommend on data older than this asks for a sync first."),
  freshBudgetMs: integer(
    "FRESH_BUDGET_MS",
    300,
    0,
    10_000,
    "How long a recommend waits for that sync before it serves what it has.",
  ),
  tipWindowMs: integer(
    "TIP_WINDOW_MS",
    4 * hourMs,
    1_000,
    30 * dayMs,
    "How long a tip may be answered; after that it expires.",
  ),
  policy: oneOf("POLICY", ["epsilon-greedy", "random"], "epsilon-greedy", "The policy that serves."),
  policyEpsilon: number("POLICY_EPSILON", 0.1, 0, 1, "Share of decisions spread evenly over all eligible candidates."),
  partitions: integer(
    "PARTITIONS",
    8,
    1,
    64,
    "Partitions of the event log: order holds per user, work spreads over partitions. Fixed per installation.",
  ),
  consumerBatchMax: integer("CONSUMER_BATCH_MAX", 200, 1, 1_000, "Most events a consumer handles in one transaction."),
  consumerAttemptsMax: integer("CONSUMER_ATTEMPTS_MAX", 5, 1, 100, "Attempts before an event becomes a dead letter."),
  consumerAckWaitMs: integer(
    "CONSUMER_ACK_WAIT_MS",
    5_000,
    1_000,
    300_000,
    "After this, NATS delivers what a process that died had not acknowledged. Part of the consumers' contract.",
  ),
  httpBodyMaxBytes: integer("HTTP_BODY_MAX_BYTES", 65_536, 1_024, 10_485_760, "Largest request body taken."),
  sessionIdleMs: integer("SESSION_IDLE_MS", 14 * dayMs, minuteMs, 365 * dayMs, "A session unused for this long ends."),
  adminToken: optional(
    secret(
      "ADMIN_TOKEN",
      "Bearer token of the operator for `/operator` and `/v1/admin`. Unset: open in demo mode, closed otherwise.",
    ),
  ),
  vaultKeys: optional(
    secret(
      "VAULT_KEYS",
      "Keys that seal connector tokens, `id:base64` of 32 bytes, the first seals, all open; `id:lost` for one nobody " +
        "has any more. Unset: a key made in `DATA_DIR`.",
      isKeyRing,
      "expected id:base64 of 32 bytes (or id:lost), comma separated, each id once",
    ),
  ),
  logLevel: oneOf("LOG_LEVEL", ["trace", "debug", "info", "warn", "error"], "info", "Least level that is logged."),
  logFormat: oneOf(
    "LOG_FORMAT",
    ["auto", "json", "text"],
    "auto",
    "`auto` is text on a terminal, else one JSON object a line.",
  ),
  shutdownGraceMs: integer(
    "SHUTDOWN_GRACE_MS",
    5_000,
    100,
    120_000,
    "Longest time for running requests and handlers to finish on stop.",
  ),
  otlpEndpoint: optional(
    url("OTEL_EXPORTER_OTLP_ENDPOINT", "Send traces, metrics and logs to this OTLP/HTTP collector."),
  ),
} satisfies Record<string, Setting>

export type Config = { readonly [K in keyof typeof definitions]: ReturnType<(typeof definitions)[K]["read"]> }

export const settings: ReadonlyArray<Setting> = Object.values(definitions)

/**
 * Either the whole configuration, or every problem found in it, one sentence each, and `rest`: the configuration with
 * the defaults in the place of what is wrong, to go on looking with.
 */
export const readConfig = (
  environment: Readonly<Record<string, string | undefined>> = process.env,
): { readonly config: Config; readonly problems: readonly [] } | {
  readonly config: undefined
  readonly problems: ReadonlyArray<string>
  readonly rest: Config
} => {
  const config: Record<string, unknown> = {}
  const problems: Array<string> = []
  for (const [key, setting] of Object.entries<Setting>(definitions)) {
    const given = environment[setting.name]
    try {
      // An empty value is what `FOO= command` and empty lines of an env file leave behind: treated as unset.
      config[key] = setting.read(given === "" ? undefined : given)
    } catch (problem) {
      problems.push(`${setting.name}: ${(problem as Error).message}`)
      config[key] = setting.read(undefined)
    }
  }
  const read = config as Config
  if ((read.todoistClientId === undefined) !== (read.todoistClientSecret === undefined)) {
    problems.push("TODOIST_CLIENT_ID, TODOIST_CLIENT_SECRET: expected both or neither")
  }
  return problems.length === 0 ? { config: read, problems: [] } : { config: undefined, problems, rest: read }
}

function text(name: string, fallback: string, doc: string): Setting<string> {
  return { name, default: fallback, bound: "", doc, read: (given) => given ?? fallback }
}

/** Something without white space, which a copied id easily brings along. */
function word(name: string, doc: string): Setting<string | undefined> {
  const read = (given: string | undefined) => {
    if (given === undefined || /^[!-~]{1,200}$/.test(given)) return given
    throw new Error("expected printable characters without white space")
  }
  return { name, default: "", bound: "", doc, read }
}

/** As src/connectors/ical/address.ts has it: no bare address, and no name that only one network knows. */
const isPublicName = (host: string): boolean =>
  /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(host) && !/\.(?:local|localhost|internal|home|lan|arpa)$/.test(host)

/** Names of hosts, compared without regard to case. */
function hosts(name: string, doc: string): Setting<ReadonlyArray<string>> {
  const read = (given: string | undefined) => {
    const names = (given ?? "").split(",").map((one) => one.trim().toLowerCase()).filter((one) => one !== "")
    const odd = names.find((one) => !/^(\*\.)?[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$/.test(one))
    if (odd !== undefined) {
      throw new Error(
        `expected names of hosts such as calendar.google.com, comma separated, got ${JSON.stringify(odd)}`,
      )
    }
    // A setting that does nothing would pass for one that does.
    const unread = names.find((one) => !isPublicName(one.replace(/^\*\./, "")))
    if (unread === undefined) return names
    throw new Error(
      `expected names of public hosts: ${JSON.stringify(unread)} is never read, as it is an address, ` +
        "a name of the own network, or without a dot",
    )
  }
  return { name, default: "none", bound: "", doc, read }
}

function file(name: string, doc: string): Setting<string | undefined> {
  return { name, default: "unset", bound: "", doc, read: (given) => given }
}

function integer(name: string, fallback: number, minimum: number, maximum: number, doc: string): Setting<number> {
  return numeric(name, fallback, minimum, maximum, doc, /^-?\d{1,15}$/, "a whole number")
}

function number(name: string, fallback: number, minimum: number, maximum: number, doc: string): Setting<number> {
  return numeric(name, fallback, minimum, maximum, doc, /^-?\d{1,15}(\.\d{1,15})?$/, "a number")
}

function numeric(
  name: string,
  fallback: number,
  minimum: number,
  maximum: number,
  doc: string,
  shape: RegExp,
  kind: string,
): Setting<number> {
  const read = (given: string | undefined) => {
    if (given === undefined) return fallback
    const value = shape.test(given.trim()) ? Number(given) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    throw new Error(`expected ${kind} from ${minimum} to ${maximum}, got ${JSON.stringify(given)}`)
  }
  return { name, default: String(fallback), bound: `${minimum} to ${maximum}`, doc, read }
}

function oneOf<const A extends string>(name: string, choices: ReadonlyArray<A>, fallback: A, doc: string): Setting<A> {
  const read = (given: string | undefined) => {
    if (given === undefined) return fallback
    const choice = choices.find((one) => one === given)
    if (choice !== undefined) return choice
    throw new Error(`expected one of ${choices.join(", ")}, got ${JSON.stringify(given)}`)
  }
  return { name, default: fallback, bound: choices.join(", "), doc, read }
}

function url(name: string, doc: string): Setting<string | undefined> {
  const read = (given: string | undefined) => {
    if (given === undefined) return undefined
    if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return given.replace(/\/+$/, "")
    // What stands before an @ may be a password.
    const got = given.includes("@") ? "" : `, got ${JSON.stringify(given)}`
    throw new Error(`expected an http or https address${got}`)
  }
  return { name, default: "", bound: "", doc, read }
}

function secret(
  name: string,
  doc: string,
  accepts: (given: string) => boolean = () => true,
  expected = "",
): Setting<Redacted.Redacted<string> | undefined> {
  const read = (given: string | undefined) => {
    if (given === undefined) return undefined
    if (!accepts(given)) throw new Error(expected)
    return Redacted.make(given, { label: name })
  }
  return { name, default: "", bound: "", doc, read }
}

/** `STREAM.field=value` pairs; whether there is such a stream is for who knows the streams. */
function streamLimits(name: string, doc: string): Setting<ReadonlyArray<StreamLimit>> {
  const read = (given: string | undefined) => {
    if (given === undefined) return []
    const limits = given.split(",").map(streamLimitOf)
    const names = limits.map(({ stream, field }) => `${stream}.${field}`)
    const twice = names.find((one, at) => names.indexOf(one) < at)
    if (twice !== undefined) throw new Error(`${twice} is given twice`)
    return limits
  }
  return { name, default: "none", bound: "", doc, read }
}

function streamLimitOf(text: string): StreamLimit {
  const [, stream = "", given, value = ""] = /^\s*([\w-]+)\.(\w+)=(\d{1,15})\s*$/.exec(text) ?? []
  if (given === undefined) {
    throw new Error(`expected STREAM.max_msgs=100000, comma separated, got ${JSON.stringify(text)}`)
  }
  const field = limitFields.find((one) => one === given)
  if (field === undefined) throw new Error(`there is no field ${given}; there are ${limitFields.join(", ")}`)
  return { stream, field, value: Number(value) }
}

function isNatsServer(given: string): boolean {
  if (!/^(nats|tls):\/\//.test(given) || !URL.canParse(given)) return false
  const { hostname, port } = new URL(given)
  return hostname !== "" && port !== "0"
}

/** Says in the table that the setting may be left out. */
function optional<A>(setting: Setting<A>): Setting<A> {
  return { ...setting, default: "unset" }
}

/** Unset means that the service chooses, as the table says. */
function orElse<A>(setting: Setting<A>, choice: string): Setting<A | undefined> {
  return { ...setting, default: choice, read: (given) => given === undefined ? undefined : setting.read(given) }
}

function isKeyRing(given: string): boolean {
  const entries = given.split(",").map((entry) => entry.trim())
  const ids = new Set(entries.map((entry) => entry.split(":")[0]))
  return ids.size === entries.length &&
    entries.every((entry) => /^[\w-]{1,32}:(?:[A-Za-z0-9+/_-]{43}=?|lost)$/.test(entry))
}
