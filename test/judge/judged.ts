/**
 * What the scenarios share: one simulator for the file, a fresh account for each test, a recorder between the two, and
 * after each test the judgement of every reply that went over the line.
 */
import { TodoistApi } from "@doist/todoist-sdk"
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest"
import { envelopeProblems } from "./envelope.ts"
import { type Exchange, type RecordingProxy, startProxy } from "./recordingProxy.ts"
import { sdkVerdict } from "./sdkVerdict.ts"
import { type SimulatorProcess, startSimulator } from "./simulatorProcess.ts"

export interface Judged {
  simulator: SimulatorProcess
  proxy: RecordingProxy
  /** Of this test's account. */
  token: string
  api: TodoistApi
}

export const judge = async (exchanges: ReadonlyArray<Exchange>): Promise<void> => {
  const verdicts = await Promise.all(exchanges.map(sdkVerdict))
  expect([...verdicts.filter((verdict) => verdict !== null), ...exchanges.flatMap(envelopeProblems)]).toEqual([])
}

/** To be called once per file. The fields are set when a test begins. */
export const judged = (): Judged => {
  const current = {} as Judged
  beforeAll(async () => {
    current.simulator = await startSimulator()
    current.proxy = await startProxy(current.simulator.url)
  })
  beforeEach(async () => {
    current.token = await current.simulator.account()
    current.api = new TodoistApi(current.token, { baseUrl: current.proxy.url })
  })
  afterEach(async () => {
    const exchanges = current.proxy.exchanges.splice(0)
    await judge(exchanges)
    expect(exchanges.length).toBeGreaterThan(0)
  })
  afterAll(async () => {
    await current.proxy?.close()
    await current.simulator?.stop()
  })
  return current
}

/** What the SDK tells its caller of a call that failed. */
export const refusal = (call: Promise<unknown>) =>
  call.then(
    () => "no error" as const,
    ({ httpStatusCode, responseData }: { httpStatusCode: unknown; responseData: unknown }) => ({
      httpStatusCode,
      responseData,
    }),
  )
