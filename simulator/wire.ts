/**
 * The objects of Todoist's API v1 as they are on the wire, as far as this server models them.
 * Item keys: the 23 that the official SDK requires, plus `completed_count`, which the live service also sends.
 *
 * @see https://developer.todoist.com/api/v1/#tag/Sync
 */
export type Due = {
  /** `2026-12-01` all-day, `2026-12-01T12:00:00` floating in the user's zone, `2026-12-06T13:00:00.000000Z` fixed. */
  readonly date: string
  /** IANA name for a fixed due, else null. */
  readonly timezone: string | null
  readonly string: string
  readonly lang: string
  readonly is_recurring: boolean
}

export type Deadline = { readonly date: string; readonly lang: string }

export type Duration = { readonly amount: number; readonly unit: "minute" | "day" }

export type Item = {
  readonly id: string
  readonly user_id: string
  readonly project_id: string
  readonly section_id: string | null
  readonly parent_id: string | null
  readonly added_by_uid: string | null
  readonly assigned_by_uid: string | null
  readonly responsible_uid: string | null
  readonly content: string
  readonly description: string
  readonly labels: ReadonlyArray<string>
  /** 1 (none) to 4 (shown as p1). */
  readonly priority: number
  readonly child_order: number
  /** -1 means none. */
  readonly day_order: number
  readonly is_collapsed: boolean
  readonly checked: boolean
  readonly is_deleted: boolean
  readonly added_at: string
  readonly updated_at: string
  readonly completed_at: string | null
  readonly due: Due | null
  readonly deadline: Deadline | null
  readonly duration: Duration | null
  readonly completed_count: number
}

export type Project = {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly color: string
  readonly parent_id: string | null
  readonly child_order: number
  readonly default_order: number
  readonly view_style: "list" | "board" | "calendar"
  readonly is_collapsed: boolean
  readonly is_shared: boolean
  readonly is_favorite: boolean
  readonly is_archived: boolean
  readonly is_deleted: boolean
  readonly is_frozen: boolean
  readonly can_assign_tasks: boolean
  readonly inbox_project: boolean
  readonly created_at: string
  readonly updated_at: string
}

export type Section = {
  readonly id: string
  readonly user_id: string
  readonly project_id: string
  readonly name: string
  readonly description: string
  readonly section_order: number
  readonly is_archived: boolean
  readonly is_collapsed: boolean
  readonly is_deleted: boolean
  readonly added_at: string
  readonly updated_at: string
  readonly archived_at: string | null
}

export type Collaborator = {
  readonly id: string
  readonly email: string
  readonly full_name: string
  readonly timezone: string
  readonly image_id: string | null
}

export type CollaboratorState = {
  /** `project/user`; not on the wire. */
  readonly id: string
  readonly user_id: string
  readonly project_id: string
  readonly state: "active" | "invited"
  readonly is_deleted: boolean
}

export type Label = {
  readonly id: string
  readonly name: string
  readonly color: string
  readonly item_order: number
  readonly is_favorite: boolean
  readonly is_deleted: boolean
}

/** One line of the activity log. */
export type Activity = {
  readonly id: string
  readonly object_type: string
  readonly object_id: string
  readonly event_type: string
  readonly event_date: string
  readonly parent_project_id: string | null
  readonly parent_item_id: string | null
  readonly initiator_id: string | null
  readonly extra_data: Readonly<Record<string, string>> | null
}
