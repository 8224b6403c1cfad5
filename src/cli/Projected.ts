/** What the projector of this process tells those who wait for it, so that they need not ask all the time. */
import { Context, Layer } from "effect"
import * as Wakeup from "../streams/Wakeup.ts"

/** Signals were turned into candidates, and are committed. */
export class Projected extends Context.Service<Projected, Wakeup.Wakeup>()("tipstream/cli/Projected") {}

export const layer = Layer.sync(Projected, Wakeup.make)
