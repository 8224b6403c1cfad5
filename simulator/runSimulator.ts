/**
 * Runs one simulator: loads or seeds its accounts, listens on 127.0.0.1, lives, and keeps its state on disk.
 * Used by `main.ts` as a process of its own and by the `simulate` command alike.
 */
import { randomBytes } from "node:crypto"
import { addAccount, newAccounts } from "./accounts.ts"
import { recordActivity } from "./activity.ts"
import { isTimeZone } from "./calendar.ts"
import { type Faults, readRates } from "./faults.ts"
import { liveOnce } from "./life.ts"
import { type Limits, publishedLimits } from "./limits.ts"
import { type OAuthClient, readClient } from "./oauth/clients.ts"
import { addFamily, newGrants, newToken } from "./oauth/grants.ts"
import { loadState, saveState } from "./persist.ts"
import { seedAccount } from "./seed.ts"
import { listen, loopback } from "./server.ts"
import { defaultSwitches, readSwitches, type Switches } from "./switches.ts"
import { makeWebhooks } from "./webhooks/webhooks.ts"
import { newFaults, type World } from "./world.ts"

export type SimulatorOptions = {
  /** Default 8090; 0 takes any free port. */
  readonly port?: number | undefined
  /** Where the state is kept; without it everything ends with the process. */
  readonly stateFile?: string | undefined
  readonly seed?: string | undefined
  /** The demo account's API token. */
  readonly token?: string | undefined
  /** IANA zone of new accounts; default this machine's. */
  readonly timeZone?: string | undefined
  /** Whether the demo account goes on living. */
  readonly live?: boolean | undefined
  readonly liveIntervalMs?: number | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Behaviours without a primary source; see `switches.ts`. */
  readonly switches?: Partial<Switches> | undefined
  /** OAuth apps beside the built-in one, or more about that. */
  readonly clients?: ReadonlyArray<Partial<OAuthClient> & Pick<OAuthClient, "id">> | undefined
  readonly faultRates?: Faults["rates"] | undefined
  /** Epoch milliseconds. */
  readonly clock?: (() => number) | undefined
  /** Told when the state cannot be written or a request met a mistake of ours; the simulator goes on. */
  readonly warn?: ((line: string) => void) | undefined
}

export type Simulator = {
  readonly url: string
  readonly token: string
  /** The built-in OAuth app. */
  readonly client: OAuthClient
  /** Stops accepting, cuts what is open, writes the state. Rejects when that cannot be written. Safe to call twice. */
  readonly close: () => Promise<void>
}

/** A setting that makes no sense, in words for the person who gave it. */
export class InvalidOption extends Error {
  override readonly name = "InvalidOption"
}

/** How long after a change it is on disk, unless writing takes longer than a tenth of this. */
const saveDelayMs = 500

export const defaultToken = "sim-demo-token"
export const defaultPort = 8090
export const defaultLiveIntervalMs = 20_000

const machineZone = (): string => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  return typeof zone === "string" && isTimeZone(zone) ? zone : "UTC"
}

const check = (holds: boolean, problem: string): void => {
  if (!holds) throw new InvalidOption(problem)
}

const settled = (options: SimulatorOptions) => {
  const timeZone = options.timeZone ?? machineZone()
  const token = options.token ?? defaultToken
  const port = options.port ?? defaultPort
  const liveIntervalMs = options.liveIntervalMs ?? defaultLiveIntervalMs
  const rates = readRates(options.faultRates ?? {})
  check(isTimeZone(timeZone), `time zone ${timeZone} is not known; give an IANA name such as Europe/Madrid`)
  check(/^[\w.~+/=-]{1,128}$/.test(token), "the token must be 1 to 128 characters without spaces")
  check(Number.isInteger(port) && port >= 0 && port <= 65_535, "the port must be an integer from 0 to 65535")
  check(liveIntervalMs >= 10 && liveIntervalMs <= 86_400_000, "the live interval must be from 10 ms to a day")
  if (typeof rates === "string") throw new InvalidOption(rates)
  const switches = readSwitches(options.switches ?? {})
  if (typeof switches === "string") throw new InvalidOption(switches)
  return {
    timeZone,
    token,
    port,
    liveIntervalMs,
    rates,
    switches: { ...defaultSwitches(), ...switches },
    seed: options.seed ?? "tipstream",
  }
}

/** Writes the state a little after each change; never more than a tenth of the time is spent on it. */
const saver = (save: () => void, warn: (line: string) => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined
  let delayMs = saveDelayMs
  let failing = false
  const run = () => {
    timer = undefined
    const startedMs = performance.now()
    try {
      save()
      failing = false
    } catch (cause) {
      // Said once until it works again: a full disk would otherwise fill the log as well.
      if (!failing) warn(`the simulator could not write its state: ${cause instanceof Error ? cause.message : cause}`)
      failing = true
    }
    delayMs = Math.max(saveDelayMs, (performance.now() - startedMs) * 10)
  }
  return {
    changed: () => {
      timer ??= setTimeout(run, delayMs)
    },
    stop: () => {
      clearTimeout(timer)
      timer = undefined
    },
  }
}

/**
 * Rejects with `InvalidOption`, `CorruptState` (the file is left alone), or the system's error when the port or the
 * state file cannot be used.
 */
export const runSimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const { port, liveIntervalMs } = settled(options)
  const file = options.stateFile
  const warn = options.warn ?? (() => {})
  const saving = saver(() => {
    if (file !== undefined) saveState(file, world, false)
  }, warn)
  const world = makeWorld(options, file === undefined ? () => {} : saving.changed, warn)
  const { demoToken: token } = world

  const listening = await listen(world, port)
  // Marks the file as in use (`complete: false`) before the first change, and shows at once whether it can be written.
  try {
    if (file !== undefined) saveState(file, world, false)
  } catch (cause) {
    await listening.close()
    throw cause
  }
  const life = options.live === true ? setInterval(() => live(world), liveIntervalMs) : undefined

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    clearInterval(life)
    world.webhooks.stop()
    await listening.close()
    saving.stop()
    if (file !== undefined) saveState(file, world, true)
  }
  const url = `http://${loopback}:${listening.port}`
  return { url, token, client: world.grants.clients.get(builtInClientId)!, close: () => (closing ??= close()) }
}

const builtInClientId = "tipstream-demo"

const makeWorld = (options: SimulatorOptions, changed: () => void, warn: (line: string) => void): World => {
  const { timeZone, token, rates, switches, seed } = settled(options)
  const clock = options.clock ?? Date.now
  const loaded = options.stateFile === undefined ? undefined : loadState(options.stateFile)
  const secret = loaded?.secret ?? randomBytes(32).toString("base64url")
  const accounts = newAccounts(loaded?.accounts)
  if (!accounts.byToken.has(token)) {
    addAccount(accounts, token, seedAccount({ seed, user: token, nowMs: clock(), timeZone }))
  }
  const grants = newGrants()
  for (const client of loaded?.oauth?.clients ?? []) grants.clients.set(client.id, client)
  for (const family of loaded?.oauth?.families ?? []) addFamily(grants, family)
  for (const fields of [{ id: builtInClientId }, ...options.clients ?? []]) {
    const client = readClient(fields, (id) => grants.clients.get(id), newToken)
    if (typeof client === "string") throw new InvalidOption(client)
    grants.clients.set(client.id, client)
  }
  const webhooks = makeWebhooks({ seed, grants, switches, clock })
  return {
    secret,
    demoToken: token,
    accounts,
    grants,
    deadTokens: new Set(loaded?.oauth?.deadTokens),
    webhooks,
    switches,
    env: {
      switches,
      observe: (account, events) => {
        recordActivity(account, events)
        webhooks.offer(account, events)
      },
    },
    windows: new Map(),
    requests: [],
    faults: { ...newFaults(seed), rates },
    limits: { ...publishedLimits, ...options.limits },
    seed,
    timeZone,
    clock,
    changed,
    warn,
  }
}

const live = (world: World): void => {
  for (const [token, account] of world.accounts.byToken) {
    if (account.live || token === world.demoToken) liveOnce(account, world.clock(), world.env)
  }
  world.changed()
}
