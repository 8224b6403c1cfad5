/**
 * When a starting service first takes a connection, says that it is ready, and serves a tip: asked from outside, again
 * and again, as a person with a browser would.
 */
import net from "node:net"
import { recommend, signIn } from "../support/demoUser.ts"

/** Milliseconds since `startedAt`. */
export interface Milestones {
  readonly listeningMs: number
  readonly readyMs: number
  readonly firstTipMs: number
}

/** Between two questions: fine beside the times measured, and next to no load. */
const askEveryMs = 5
const giveUpMs = 60_000

/** @param startedAt of `performance.now()`, before the process was spawned. */
export async function milestones(port: number, startedAt: number): Promise<Milestones> {
  const origin = `http://127.0.0.1:${port}`
  const listeningMs = await firstSuccess(startedAt, () => answers(`${origin}/health`))
  const readyMs = await firstSuccess(startedAt, () => answers(`${origin}/ready`))
  const cookie = await signIn(origin)
  const firstTipMs = await firstSuccess(startedAt, async () => await recommend(origin, cookie) !== undefined)
  return { listeningMs, readyMs, firstTipMs }
}

/** When it first held, in milliseconds since `startedAt`. A question that fails is asked again. */
export async function firstSuccess(startedAt: number, holds: () => Promise<boolean>): Promise<number> {
  while (performance.now() - startedAt < giveUpMs) {
    if (await holds().catch(() => false)) return performance.now() - startedAt
    await new Promise((resolve) => setTimeout(resolve, askEveryMs))
  }
  throw new Error(`not reached within ${giveUpMs} ms`)
}

export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url)
  await response.body?.cancel()
  return response.ok
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
