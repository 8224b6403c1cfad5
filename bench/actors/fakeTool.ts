/** A tool that costs the same whoever asks: a little CPU, then a wait. Some users' calls fail or never end. */
import { createHash } from "node:crypto"

export interface Troubles {
  /** Of this many users one is never answered; 0: nobody. */
  readonly hangingEvery: number
  /** Of this many users one gets an error; 0: nobody. */
  readonly failingEvery: number
}

const latencyMs = 50
/** Some 60 microseconds of hashing, as reading a small answer costs. */
const bytes = new Uint8Array(16_384)

const isEvery = (n: number, every: number, rest: number) => every > 0 && n % every === rest

export const isHanging = (n: number, { hangingEvery }: Troubles) => isEvery(n, hangingEvery, 0)
export const isFailing = (n: number, { failingEvery }: Troubles) => isEvery(n, failingEvery, 1)

export const callTool = async (n: number, troubles: Troubles): Promise<void> => {
  createHash("sha256").update(bytes).digest()
  if (isHanging(n, troubles)) await new Promise(() => {})
  await new Promise((resolve) => setTimeout(resolve, latencyMs))
  if (isFailing(n, troubles)) throw new Error("this user's token is broken")
}
