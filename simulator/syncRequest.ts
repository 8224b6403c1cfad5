/** Reads the body of `POST /sync`: form fields holding JSON, as documented, or plain JSON, as the SDK sends. */
import { type ApiError, argumentMissing, invalidArgument, isApiError } from "./apiError.ts"
import type { Args } from "./command.ts"
import type { Command } from "./runCommands.ts"

export type SyncRequest = {
  readonly syncToken: string | undefined
  /** Undefined when the call asks for no resources, so it only writes. */
  readonly resourceTypes: ReadonlySet<string> | undefined
  readonly commands: ReadonlyArray<Command>
}

export type Fields = Readonly<Record<string, unknown>>

const commandsMax = 100
const uuidMax = 128

/** Resource types that hold an array this server has nothing to put in. */
export const emptyResources = [
  "notes",
  "project_notes",
  "filters",
  "reminders",
  "reminders_location",
  "locations",
  "live_notifications",
  "completed_info",
  "workspaces",
  "workspace_filters",
  "view_options",
  "project_view_options_defaults",
  "role_actions",
  "folders",
  "calendars",
  "calendar_accounts",
  "suggestions",
]

/** Known, never in a reply: objects not modelled here, and `workspace_users`, which no full reply has. */
const absentResources = [
  "workspace_users",
  "user_settings",
  "notification_settings",
  "stats",
  "day_orders",
  "tooltips",
]

const allResources = [
  "items",
  "projects",
  "sections",
  "labels",
  "user",
  "user_plan_limits",
  "collaborators",
  "collaborator_states",
  ...emptyResources,
  ...absentResources,
]

const fromJson = (value: unknown): unknown => {
  if (typeof value !== "string") return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

const readResourceTypes = (value: unknown): ReadonlySet<string> | undefined | ApiError => {
  const list = fromJson(value)
  if (list === undefined || list === null) return undefined
  const expected = `an array of: all, ${allResources.join(", ")}`
  if (!Array.isArray(list)) return invalidArgument("resource_types", expected)
  const chosen = new Set<string>()
  const names = list.map((name) => String(name))
  for (const name of names) {
    if (name === "all") { for (const each of allResources) chosen.add(each) }
    else if (!allResources.includes(name.replace(/^-/, ""))) return invalidArgument("resource_types", expected)
    else if (!name.startsWith("-")) chosen.add(name)
  }
  for (const name of names) if (name.startsWith("-")) chosen.delete(name.slice(1))
  return names.length === 0 ? undefined : chosen
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const readCommand = (value: unknown): Command | ApiError => {
  if (!isObject(value)) return invalidArgument("commands", "objects of {type, uuid, args}")
  const { type, uuid, args = {}, temp_id: tempId } = value
  if (typeof type !== "string") return invalidArgument("commands.type", "a command name")
  if (typeof uuid !== "string" || uuid === "" || uuid.length > uuidMax) {
    return invalidArgument("commands.uuid", "a uuid")
  }
  if (!isObject(args)) return invalidArgument("commands.args", "an object")
  if (tempId === undefined || tempId === null) return { type, uuid, args: args as Args }
  if (typeof tempId !== "string" || tempId.length > uuidMax) return invalidArgument("commands.temp_id", "a uuid")
  return { type, uuid, args: args as Args, temp_id: tempId }
}

const readCommands = (value: unknown): ReadonlyArray<Command> | ApiError => {
  const list = fromJson(value)
  if (list === undefined || list === null) return []
  if (!Array.isArray(list) || list.length > commandsMax) {
    return invalidArgument("commands", `an array of up to ${commandsMax} commands`)
  }
  const commands: Array<Command> = []
  for (const each of list) {
    const command = readCommand(each)
    if (isApiError(command)) return command
    commands.push(command)
  }
  return commands
}

/** A malformed request is refused as a whole: none of its commands runs. */
export const readSyncRequest = (fields: Fields): SyncRequest | ApiError => {
  const syncToken = fields["sync_token"] ?? undefined
  if (syncToken !== undefined && typeof syncToken !== "string") return invalidArgument("sync_token", "a string")
  const resourceTypes = readResourceTypes(fields["resource_types"])
  if (isApiError(resourceTypes)) return resourceTypes
  const commands = readCommands(fields["commands"])
  if (isApiError(commands)) return commands
  if (resourceTypes === undefined && commands.length === 0) return argumentMissing("resource_types")
  return { syncToken, resourceTypes, commands }
}
