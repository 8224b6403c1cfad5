/** Where Todoist's API is unless `TODOIST_BASE_URL` says otherwise. @see https://developer.todoist.com/api/v1/ */
export const todoistUrl = "https://api.todoist.com"
