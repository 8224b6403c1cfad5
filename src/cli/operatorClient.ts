/** The running service, asked as its operator over HTTP: its database may be nobody's but the service's own. */
import { Effect, Redacted } from "effect"
import { readConfig } from "../config.ts"
import { CannotStart } from "./problem.ts"

export interface OperatorClient {
  /** The body of the answer, whose shape the API promises. */
  readonly ask: (
    method: "GET" | "POST",
    path: string,
    body?: Readonly<Record<string, unknown>>,
  ) => Effect.Effect<unknown, CannotStart>
}

/** More than the service gives one request; a thousand letters with large payloads are in it. */
const answerMaxMs = 60_000

const stop = (...lines: ReadonlyArray<string>) => new CannotStart({ lines })

/** `url` as given by hand; without it, where this configuration would serve. */
export const operatorClient = Effect.fnUntraced(function* (url: string | undefined) {
  const { config, problems } = readConfig()
  if (config === undefined) {
    return yield* stop("the configuration is not right:", ...problems.map((one) => `  ${one}`))
  }
  if (url === undefined && config.port === 0) {
    return yield* stop("PORT is 0, so say with --url where the service listens")
  }
  const given = url ?? `http://${reachable(config.host)}:${config.port}`
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
    return yield* stop("--url: expected an http or https address, as http://127.0.0.1:8080")
  }
  // Without what may be a password.
  const base = new URL(given).origin
  const token = config.adminToken === undefined ? undefined : Redacted.value(config.adminToken)
  const headers = {
    accept: "application/json, application/problem+json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }

  const ask: OperatorClient["ask"] = Effect.fnUntraced(function* (method, path, body) {
    const { status, text } = yield* Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(new URL(path, base), {
          method,
          signal,
          redirect: "manual",
          headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        return { status: response.status, text: await response.text() }
      },
      catch: (cause) => cause,
    }).pipe(
      Effect.timeout(answerMaxMs),
      Effect.catch((cause) =>
        isNotPermitted(cause)
          ? Effect.die(cause)
          : Effect.fail(stop(`no tipstream answers at ${base}: start it there, or name another address with --url`))
      ),
    )
    const json = parsed(text)
    if (status === 200 && json !== undefined) return json
    return yield* refusal(status, json as Problem | undefined, base, token !== undefined)
  })
  return { ask } satisfies OperatorClient
})

interface Problem {
  readonly code?: unknown
  readonly title?: unknown
  readonly detail?: unknown
  readonly errors?: ReadonlyArray<{ readonly path?: ReadonlyArray<unknown>; readonly message?: unknown }>
}

const refusal = (status: number, problem: Problem | undefined, base: string, hasToken: boolean): CannotStart => {
  if (status === 401) {
    return stop(
      hasToken
        ? `the service at ${base} has another ADMIN_TOKEN than this one`
        : `the service at ${base} wants its ADMIN_TOKEN: set it here to the same value`,
    )
  }
  if (status === 403) {
    return stop(`the service at ${base}, or what stands before it, does not let this machine in (403)`)
  }
  if (typeof problem?.code !== "string") return stop(`what answers at ${base} is not tipstream (${status})`)
  const errors = (problem.errors ?? []).map(({ path, message }) => `  ${(path ?? []).join(".")}: ${String(message)}`)
  const detail = typeof problem.detail === "string" ? `: ${problem.detail}` : ""
  return stop(`${String(problem.title)}${detail}`, ...errors)
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Deno's own refusal has a better explanation than "no answer". */
const isNotPermitted = (cause: unknown): boolean => cause instanceof Error && cause.name === "NotCapable"

/** An address to listen on everywhere is no address to go to. */
const reachable = (host: string): string => {
  if (host === "0.0.0.0") return "127.0.0.1"
  if (host === "::") return "[::1]"
  return host.includes(":") ? `[${host}]` : host
}
