/** Where Todoist is, and who we are to it. @see https://developer.todoist.com/api/v1/#tag/Authorization */
import type { Redacted } from "effect"
import type { Config } from "../config.ts"

export const todoistUrl = "https://api.todoist.com"

export interface TodoistAddresses {
  readonly baseUrl: string
  readonly authorizeUrl: string
  readonly tokenUrl: string
  /** The app users may connect by; undefined: by token only. */
  readonly client: { readonly id: string; readonly secret: Redacted.Redacted<string> } | undefined
}

/** As configured; `simulator` stands in for all of it. */
export const todoistAddresses = (
  config: Config,
  simulator: { readonly url: string; readonly client?: TodoistAddresses["client"] } | undefined,
): TodoistAddresses => {
  const baseUrl = simulator?.url ?? config.todoistBaseUrl ?? todoistUrl
  const { todoistClientId: id, todoistClientSecret: secret } = config
  return {
    baseUrl,
    authorizeUrl: config.todoistAuthorizeUrl ??
      (baseUrl === todoistUrl ? "https://app.todoist.com/oauth/authorize" : `${baseUrl}/oauth/authorize`),
    tokenUrl: config.todoistTokenUrl ?? `${baseUrl}/oauth/access_token`,
    client: id !== undefined && secret !== undefined ? { id, secret } : simulator?.client,
  }
}
