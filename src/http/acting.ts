/** Whether what a user marks as done here is done in their tool too. Pure. */
import type { Connection } from "../actors/UserSyncStore.ts"
import type { ConnectorShape } from "../connectors/Connector.ts"

/** The tool allows it, and so does what was granted. A tool that named no scopes granted all it has. */
export const actsThere = (
  connector: Pick<ConnectorShape, "canAct" | "actScope"> | undefined,
  { status, scopes }: Pick<Connection, "status" | "scopes">,
): boolean => {
  if (connector === undefined || !connector.canAct || status === "disconnected") return false
  return connector.actScope === undefined || scopes === null || scopes.includes(connector.actScope)
}
