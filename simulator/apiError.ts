/**
 * Todoist's error object: the body of a failed call, and the value beside a failed command's uuid in `sync_status`.
 * `retry_after` also appears on errors that no waiting will mend, as the live service does.
 */
export type ApiError = {
  readonly error: string
  readonly error_code: number
  readonly error_tag: string
  readonly http_code: number
  readonly error_extra: Readonly<Record<string, string | number>>
}

const apiError = (
  http_code: number,
  error_code: number,
  error_tag: string,
  error: string,
  error_extra: ApiError["error_extra"] = {},
): ApiError => ({ error, error_code, error_tag, http_code, error_extra })

export const isApiError = (value: unknown): value is ApiError =>
  typeof value === "object" && value !== null && "error_tag" in value

/** The service stamps every error with an id for its support desk. */
export const stamped = (error: ApiError, eventId: string): ApiError => ({
  ...error,
  error_extra: { event_id: eventId, ...error.error_extra },
})

export const argumentMissing = (argument: string): ApiError =>
  apiError(400, 19, "ARGUMENT_MISSING", "Required argument is missing", { argument })

export const invalidArgument = (argument: string, expected: string): ApiError =>
  apiError(400, 20, "INVALID_ARGUMENT_VALUE", "Invalid argument value", { argument, expected })

export const invalidTemporaryId = (argument: string): ApiError =>
  apiError(400, 15, "INVALID_TEMPORARY_ID", "Invalid temporary id", { argument })

export const itemNotFound = (): ApiError => apiError(404, 22, "ITEM_NOT_FOUND", "Item not found")
export const projectNotFound = (): ApiError => apiError(404, 21, "PROJECT_NOT_FOUND", "Project not found")
export const sectionNotFound = (): ApiError => apiError(404, 24, "SECTION_NOT_FOUND", "Section not found")
export const taskNotFound = (): ApiError => apiError(404, 478, "NOT_FOUND", "Task not found", { retry_after: 3 })
export const pathNotFound = (): ApiError => apiError(404, 478, "NOT_FOUND", "Not found", { retry_after: 3 })

export const labelNotFound = (): ApiError => apiError(404, 23, "LABEL_NOT_FOUND", "Label not found")

/** What a repeated command was answered in earlier versions of the API. */
export const alreadyProcessed = (): ApiError =>
  apiError(400, 37, "SYNC_ITEM_ALREADY_PROCESSED", "Sync item already processed. Ignored")

export const inboxIsFixed = (): ApiError =>
  apiError(403, 44, "FORBIDDEN", "The Inbox can be neither deleted nor archived")

export const methodNotAllowed = (allowed: string): ApiError =>
  apiError(405, 405, "METHOD_NOT_ALLOWED", "Method not allowed", { expected: allowed })

export const bodyTooLarge = (maxBytes: number): ApiError =>
  apiError(413, 20, "REQUEST_TOO_LARGE", "Request body is too large", { max_count: maxBytes })

export const unauthorized = (): ApiError => apiError(401, 401, "UNAUTHORIZED", "Unauthorized")

/** HTTP 403 with code 401: what the live service answers to a revoked token. */
export const invalidToken = (): ApiError =>
  apiError(403, 401, "AUTH_INVALID_TOKEN", "Invalid token", { access_type: "none" })

/** The token lives; it only may not do this. */
export const insufficientScope = (): ApiError =>
  apiError(403, 403, "AUTH_INSUFFICIENT_TOKEN_SCOPE", "Insufficient Token scope", { access_type: "access_token" })

/** What the plan does not include. */
export const premiumOnly = (): ApiError => apiError(403, 32, "PREMIUM_ONLY", "Premium only feature")

export const limitsReached = (retryAfterSeconds: number): ApiError =>
  apiError(429, 35, "LIMITS_REACHED", "Too many requests. Limits reached. Try again later", {
    retry_after: retryAfterSeconds,
  })

export const syncTokenInvalid = (): ApiError => apiError(400, 34, "SYNC_TOKEN_INVALID", "Sync token is invalid")

export const internalError = (): ApiError => apiError(500, 500, "INTERNAL_ERROR", "Internal server error")

export const unavailable = (): ApiError =>
  apiError(503, 503, "SERVICE_UNAVAILABLE", "Service temporarily unavailable", { retry_after: 3 })
