/** The event log: in the database, or on the NATS server of `NATS_URL`, which is looked at and not changed. */
import { Effect, References } from "effect"
import type { Config } from "../../config.ts"
import type { ContractFinding } from "../../streams/contractFindings.ts"
import { Nats } from "../../streams/jetstream/NatsConnection.ts"
import { versionAdvice } from "../../streams/jetstream/recommendedVersion.ts"
import { check } from "../../streams/jetstream/verifyContracts.ts"
import { contractOf, natsLayer } from "../broker.ts"
import { fail, ok, warn } from "./Finding.ts"
import type { Judgement } from "./Finding.ts"

/** One attempt: a start may wait for the server, a look says how it is now. */
const waitMs = 0

export const lookAtNats = (config: Config): Effect.Effect<Judgement> =>
  config.natsUrl === undefined
    ? Effect.succeed(ok("not used: without NATS_URL the event log stands in the database"))
    : Effect.gen(function* () {
      const contract = yield* contractOf(config)
      return yield* Effect.gen(function* () {
        const nats = yield* Nats
        const findings = yield* check(nats, contract)
        const { version = "0" } = nats.connection.info ?? {}
        return judgeNats({
          server: nats.connection.getServer(),
          version,
          hasCredentials: config.natsCreds !== undefined,
        }, findings)
      }).pipe(Effect.provide(natsLayer(config, waitMs)))
    }).pipe(
      Effect.catchTags({
        BrokerUnreachable: ({ servers, problem }) => Effect.succeed(unreached(servers, problem)),
        CannotStart: ({ message }) =>
          Effect.succeed(fail(message, "correct that setting, or let this user read the file")),
        StoreUnavailable: ({ operation }) =>
          Effect.succeed(
            fail(`NATS did not answer, or refused (${operation})`, "try again, or give its user the rights it needs"),
          ),
      }),
      // Its findings stand in the report; standard output is for that.
      Effect.provideService(References.MinimumLogLevel, "None"),
    )

/** The first sentence is what is wrong, the others what to do. */
const unreached = (servers: string, problem: string): Judgement => {
  const [what = "", ...others] = problem.replace(/\.$/, "").split(/(?<=[.?]) /)
  const seen = `NATS at ${servers} (NATS_URL): ${what.replace(/\.$/, "")}`
  return fail(seen, others.length === 0 ? "look after that server, or correct NATS_URL" : others.join(" "))
}

interface NatsFacts {
  readonly server: string
  readonly version: string
  readonly hasCredentials: boolean
}

/** A start makes what is missing, and refuses what differs. */
export const judgeNats = (
  { server, version, hasCredentials }: NatsFacts,
  findings: ReadonlyArray<Pick<ContractFinding, "state">>,
): Judgement => {
  const count = (state: ContractFinding["state"]) => findings.filter((one) => one.state === state).length
  const [missing, different] = [count("missing"), count("differs")]
  const contract = missing + different === 0
    ? `all ${count("ok")} streams and consumers as they must be`
    : `of its streams and consumers ${missing} missing, ${different} different`
  const seen = `nats-server ${version} at ${server} with JetStream${
    hasCredentials ? " takes NATS_CREDS" : ""
  }; ${contract}`
  const advice = versionAdvice(version)
  const mend = [
    ...(different > 0 ? ["look with `tipstream streams check`"] : []),
    ...(different === 0 && missing > 0
      ? ["start the service, which makes them; `tipstream streams check` names them"]
      : []),
    ...(advice === undefined ? [] : [advice]),
  ].join("; ")
  if (different > 0) return fail(seen, mend)
  return mend === "" ? ok(seen) : warn(seen, mend)
}
