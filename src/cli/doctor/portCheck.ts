/** The port: free, ours already, or somebody else's. Tried by listening for a moment, which no client notices. */
import net from "node:net"
import { Effect, Schema } from "effect"
import { ListenFailed } from "../../http/server.ts"
import type { PortFacts } from "./judge.ts"

/** What `/health` of this and later versions holds. */
const Health = Schema.Struct({ version: Schema.String, uptimeMs: Schema.Number, runtime: Schema.String })

/** It answers within 800 ms. */
const healthMaxMs = 1_000

export const lookAtPort = Effect.fn("doctor.lookAtPort")(function* (host: string, port: number) {
  const code = yield* tryListening(host, port)
  if (code === undefined) return { kind: "free" } satisfies PortFacts as PortFacts
  if (code !== "EADDRINUSE") {
    return { kind: "refused", message: new ListenFailed({ host, port, code }).message } satisfies PortFacts as PortFacts
  }
  const tipstream = yield* askHealth(host, port)
  return { kind: "taken", tipstream } satisfies PortFacts as PortFacts
})

/** The code of the failure. */
const tryListening = (host: string, port: number): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const server = net.createServer()
    server.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? error.message)))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resume(Effect.succeed(undefined))))
  })

const wildcards: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" }

const askHealth = (host: string, port: number) => {
  const reachable = wildcards[host] ?? host
  const url = `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}/health`
  return Effect.tryPromise(async (signal) => (await fetch(url, { signal, redirect: "manual" })).json()).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Health)),
    Effect.timeout(healthMaxMs),
    Effect.orElseSucceed(() => undefined),
  )
}
