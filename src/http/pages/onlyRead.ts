/** Connected tools where nothing is changed, whatever is marked as done here. */
import { Effect } from "effect"
import { UserSyncStore } from "../../actors/UserSyncStore.ts"
import { Connectors } from "../../connectors/Connector.ts"
import type { Owner } from "../../../schemas/ids.ts"
import type { Provider } from "../../../schemas/Task.ts"
import { actsThere } from "../acting.ts"
import { markup } from "./html.ts"
import type { Html } from "./html.ts"
import { toolWords } from "./toolWords.ts"

export interface OnlyRead {
  readonly provider: Provider
  /** The tool can be acted on: the user may let us. */
  readonly mayBeGranted: boolean
}

export const onlyReadTools = Effect.fnUntraced(function* (owner: Owner) {
  const { of } = yield* Connectors
  const connections = yield* (yield* UserSyncStore).connections(owner)
  return connections.flatMap((connection): ReadonlyArray<OnlyRead> => {
    const { provider, status } = connection
    const connector = of(provider)
    return status === "disconnected" || actsThere(connector, connection)
      ? []
      : [{ provider, mayBeGranted: connector?.canAct === true }]
  })
})

/** Of the tool that the tip came from; undefined for one that is told, and for what came from no tool. */
export const onlyReadOf = (tools: ReadonlyArray<OnlyRead>, source: string): OnlyRead | undefined =>
  tools.find(({ provider }) => provider === source)

export const staysWords = ({ provider, mayBeGranted }: OnlyRead): Html => {
  const { name } = toolWords[provider]
  return mayBeGranted
    ? markup`${name} stays as it is: tipstream may only read there. <a href="/connect">Let it complete tasks</a>`
    : markup`${name} stays as it is: tipstream changes nothing there.`
}
