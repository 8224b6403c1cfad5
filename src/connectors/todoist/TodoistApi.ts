/** Calls to Todoist's API for one user, through the circuit of its host. */
import { Effect } from "effect"
import type { ConnectorError } from "../Connector.ts"
import type { Credential } from "../Credential.ts"
import type { HostCircuit } from "../HostCircuit.ts"
import type { RawReply } from "./refusal.ts"
import type { Form, Send } from "./todoistHttp.ts"

interface ApiCall {
  /** Below the base URL, with its query. */
  readonly path: string
  /** Sent by POST; a call without one is a GET. */
  readonly form?: Form
}

export interface TodoistApi {
  /** What `read` makes of the reply is what the circuit judges the host by. */
  readonly call: <A>(
    credential: Credential,
    call: ApiCall,
    read: (raw: RawReply) => Effect.Effect<A, ConnectorError>,
  ) => Effect.Effect<A, ConnectorError>
}

export const makeApi = (baseUrl: string, send: Send, circuit: HostCircuit): TodoistApi => ({
  call: ({ accessToken }, { path, form }, read) =>
    circuit.guard(
      Effect.flatMap(
        send({ url: baseUrl + path, bearer: accessToken, ...(form === undefined ? {} : { form }) }),
        read,
      ),
    ),
})
