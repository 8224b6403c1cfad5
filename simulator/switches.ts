/**
 * What Todoist does where no primary source says so, as settings: a client must be right under every one of them.
 * `source` says what speaks for the default: `documented`, `observed` (somebody reports it of the live service) or
 * `assumed`. Set by `--switch NAME=VALUE` or `POST /_sim/switches`; listed by `--help` and `GET /_sim/switches`.
 */
export type Switches = {
  invalidSyncToken: "reject" | "silent-full"
  projectDelete: "tombstones" | "vanish"
  secondClose: "ok" | "error"
  uuidReplay: "ok" | "already-processed"
  revokeSibling: "both" | "one"
  deadToken: "401" | "403"
  classicExpiresIn: "absent" | "ten-years"
  completedCount: "sent" | "absent"
  activityHistory: "all" | "week" | "refused"
  fullSyncLagMs: number
  refreshGraceMs: number
  accessTokenMs: number
  codeMs: number
  webhookRetryMs: number
  webhookTimeoutMs: number
}

type Row = {
  readonly default: string | number
  /** Allowed texts; absent for a number. */
  readonly choices?: ReadonlyArray<string>
  readonly max?: number
  readonly source: "documented" | "observed" | "assumed"
  readonly meaning: string
}

const dayMs = 86_400_000

export const switchTable: Readonly<Record<keyof Switches, Row>> = {
  invalidSyncToken: {
    default: "reject",
    choices: ["reject", "silent-full"],
    source: "assumed",
    meaning: "a sync token that is not valid is refused with 400, or answered with full_sync: true",
  },
  projectDelete: {
    default: "tombstones",
    choices: ["tombstones", "vanish"],
    source: "assumed",
    meaning: "the tasks of a deleted project come as tombstones, or are merely never seen again",
  },
  secondClose: {
    default: "ok",
    choices: ["ok", "error"],
    source: "assumed",
    meaning: "item_close of a completed task says ok, or Item not found",
  },
  uuidReplay: {
    default: "ok",
    choices: ["ok", "already-processed"],
    source: "observed",
    meaning: "a repeated command gets its first answer, or `Sync item already processed. Ignored`",
  },
  revokeSibling: {
    default: "both",
    choices: ["both", "one"],
    source: "assumed",
    meaning: "revoking one token of a pair ends the whole grant, or that token alone",
  },
  deadToken: {
    default: "401",
    choices: ["401", "403"],
    source: "observed",
    meaning: "a dead token is 401 UNAUTHORIZED, or 403 AUTH_INVALID_TOKEN",
  },
  classicExpiresIn: {
    default: "absent",
    choices: ["absent", "ten-years"],
    source: "observed",
    meaning: "whether the token of a classic app comes with expires_in 315360000",
  },
  completedCount: {
    default: "sent",
    choices: ["sent", "absent"],
    source: "observed",
    meaning: "whether items carry completed_count beside their 23 documented keys",
  },
  activityHistory: {
    default: "week",
    choices: ["all", "week", "refused"],
    source: "assumed",
    meaning: "how far back the activity log goes; the free plan has a week",
  },
  fullSyncLagMs: {
    default: 0,
    max: dayMs,
    source: "documented",
    meaning: "how old the snapshot of a full sync is",
  },
  refreshGraceMs: {
    default: 60_000,
    max: dayMs,
    source: "observed",
    meaning: "how long the refresh token rotated last still works",
  },
  accessTokenMs: {
    default: 3_600_000,
    max: 365 * dayMs,
    source: "documented",
    meaning: "life of an access token of a refresh-enabled app",
  },
  codeMs: {
    default: 600_000,
    max: dayMs,
    source: "documented",
    meaning: "life of an authorization code",
  },
  webhookRetryMs: {
    default: 900_000,
    max: dayMs,
    source: "documented",
    meaning: "time before a webhook not answered with 200 is sent again, up to three times",
  },
  webhookTimeoutMs: {
    default: 10_000,
    max: 120_000,
    source: "assumed",
    meaning: "how long a webhook waits for its answer",
  },
}

const names = Object.keys(switchTable) as ReadonlyArray<keyof Switches>

export const defaultSwitches = (): Switches =>
  Object.fromEntries(names.map((name) => [name, switchTable[name].default])) as Switches

/** The switches of `{name: value}`; a text says what is wrong with it. Numbers may come as text, as from a flag. */
export const readSwitches = (given: unknown): Partial<Switches> | string => {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return "switches are an object {name: value}"
  const out: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(switchTable, name)) return `unknown switch ${JSON.stringify(name)}; one of: ${names.join(", ")}`
    const { choices, max } = switchTable[name as keyof Switches]
    if (choices !== undefined) {
      if (!choices.includes(String(value))) return `${name} must be ${choices.join(" or ")}`
      out[name] = String(value)
      continue
    }
    const whole = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value
    if (!Number.isInteger(whole) || (whole as number) < 0 || (whole as number) > max!) {
      return `${name} must be a whole number from 0 to ${max}`
    }
    out[name] = whole as number
  }
  return out as Partial<Switches>
}

export const switchesHelp = (): string =>
  names.map((name) => {
    const { choices, default: byDefault, source, meaning } = switchTable[name]
    const values = choices === undefined ? "milliseconds" : choices.join(" | ")
    return `    ${name}: ${values} (default ${byDefault}, ${source})\n        ${meaning}`
  }).join("\n")
