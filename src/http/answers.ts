/** From what the domain says to what a client sees. One line per failure, so that none is flattened into another. */
import type { Recommendation } from "../recommender/Recommender.ts"
import type { AskError, SyncFailed } from "../actors/Actors.ts"
import type { Connection } from "../actors/UserSyncStore.ts"
import type { ConnectorShape, GrantUnsupported, TokenRejected } from "../connectors/Connector.ts"
import type { PastDecision, TipUnknown } from "../recommender/Decisions.ts"
import type { FeedbackError } from "../recommender/Feedback.ts"
import type { StoreUnavailable } from "../../schemas/StoreUnavailable.ts"
import { actsThere } from "./acting.ts"
import * as Problems from "./problems.ts"

export const instantOf = (epochMs: number): string => new Date(epochMs).toISOString()

export const instantOrNull = (epochMs: number | null): string | null => epochMs === null ? null : instantOf(epochMs)

/** Which operation failed, and why, is in the log; the client can only come back. */
export const unavailable = (_error: StoreUnavailable) => new Problems.Unavailable()

export const tipProblem = (error: TipUnknown | StoreUnavailable) =>
  error._tag === "TipUnknown" ? new Problems.NoSuchTip() : unavailable(error)

export const feedbackProblem = (error: FeedbackError) => {
  switch (error._tag) {
    case "TipUnknown":
      return new Problems.NoSuchTip()
    case "TipHasExpired":
      return new Problems.TipExpired()
    case "TipSettled":
      return new Problems.AlreadyAnswered({ detail: error.message })
    case "NothingToUndo":
      return new Problems.NotUndoable({ detail: error.message })
    case "SnoozeNotAhead":
      return new Problems.BadSnooze()
    case "IdempotencyKeyReused":
      return new Problems.KeyReused()
    case "StoreUnavailable":
      return unavailable(error)
  }
}

export const askProblem = (error: AskError) => {
  switch (error._tag) {
    case "ConnectionRejected":
      return new Problems.TokenNotAccepted()
    case "DifferentAccount":
      return new Problems.OtherAccount()
    case "SyncFailed":
      // We asked often enough ourselves: nothing is wrong with the tool.
      return error.code === "Paced" ? new Problems.Busy() : new Problems.ToolUnavailable({ detail: detailOf(error) })
    case "ActorBusy":
      return new Problems.Busy()
    case "StoreUnavailable":
      return unavailable(error)
  }
}

/** Without a time of the next try nothing was kept that could be tried again. */
const detailOf = ({ problem, retryAtMs }: SyncFailed): string =>
  `${problem}; ${retryAtMs === null ? "nothing was stored: try again" : "it is tried again by itself"}`

export const connectProblem =
  (connector: ConnectorShape | undefined) => (error: AskError | GrantUnsupported | TokenRejected) => {
    const isByAddress = connector?.grants.includes("address") === true
    switch (error._tag) {
      case "GrantUnsupported":
        return new Problems.WayUnsupported({
          detail: isByAddress ? `${error.detail}; expected ${addressWords(connector)}` : error.detail,
        })
      case "TokenRejected":
        return isByAddress
          ? new Problems.AddressNotAccepted({ detail: `expected ${addressWords(connector)}` })
          : new Problems.TokenNotAccepted()
      case "ConnectionRejected":
        return isByAddress
          ? new Problems.AddressNotAccepted({ detail: "its host does not know the address, or refuses us" })
          : new Problems.TokenNotAccepted()
      default:
        return askProblem(error)
    }
  }

/** What an address has to be: the hosts are no secret to whoever is signed in. */
const addressWords = ({ hosts = [] }: ConnectorShape): string =>
  `an https address${hosts.length === 0 ? "" : ` at one of ${hosts.join(", ")}`}`

export const recommendationBody = ({ tip, reason, servedAtMs, dataAgeMs, policy, propensity }: Recommendation) => ({
  tip,
  ...(reason === null ? {} : { reason }),
  servedAt: instantOf(servedAtMs),
  dataAgeMs,
  policy,
  propensity,
})

export const pastTipBody = (past: PastDecision) => ({
  tip: past.tip,
  state: past.state,
  servedAt: instantOf(past.servedAtMs),
  reactedAt: instantOrNull(past.reactedAtMs),
  policy: past.policy,
  propensity: past.propensity,
  considered: past.considered,
})

export const connectorBody = (connection: Connection, connector: ConnectorShape | undefined) => ({
  provider: connection.provider,
  status: connection.status,
  canAct: actsThere(connector, connection),
  connectedAt: instantOrNull(connection.connectedAtMs),
  lastSyncAt: instantOrNull(connection.syncedAtMs),
  nextSyncAt: instantOrNull(connection.nextSyncAtMs),
  failures: connection.failures,
  problem: connection.lastProblem,
})
