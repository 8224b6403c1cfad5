/** The connector against what every connector must do, in front of the simulated Todoist. */
import { Effect, Redacted } from "effect"
import { eventually } from "../../../test/support/eventually.ts"
import { type Behaviour, suite } from "../connector.contract.ts"
import { simulated } from "./fixtures/simulated.ts"

/** A runtime may send again by itself, and a reading may take several calls. */
const times = 30

const faults: Readonly<Record<Exclude<Behaviour, "well">, object>> = {
  unauthorized: { fault: "401", times },
  limited: { fault: "429", times },
  failing: { fault: "503", times },
  html: { fault: "502-html", times },
  "cut-off": { fault: "truncated-json", times },
  silent: { fault: "slow", delayMs: 60_000, times },
}

suite(
  "todoist",
  Effect.gen(function* () {
    const sim = yield* simulated()
    const requests = Effect.map(
      sim.call("GET", "/_sim/requests"),
      ({ requests }) => (requests as Array<unknown>).length,
    )
    const [task] = yield* sim.tasks
    let before = yield* requests
    return {
      connector: yield* sim.connect(),
      credential: sim.personal,
      behave: Effect.fnUntraced(function* (behaviour: Behaviour) {
        yield* sim.clearFaults
        if (behaviour !== "well") yield* sim.fault(faults[behaviour])
        before = yield* requests
      }),
      asked: Effect.promise(() =>
        eventually("a request arrives", async () => await Effect.runPromise(requests) > before || undefined)
      ),
      canaries: [Redacted.value(sim.personal.accessToken), task!.content],
    }
  }),
)
