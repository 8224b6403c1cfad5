/** An item as `item_add` makes it when only the given fields are said. */
import type { Item } from "./wire.ts"

type Given = Pick<Item, "id" | "user_id" | "project_id" | "content"> & Partial<Item>

export const newItem = (given: Given, now: string): Item => ({
  section_id: null,
  parent_id: null,
  added_by_uid: null,
  assigned_by_uid: null,
  responsible_uid: null,
  description: "",
  labels: [],
  priority: 1,
  child_order: 1,
  day_order: -1,
  is_collapsed: false,
  checked: false,
  is_deleted: false,
  added_at: now,
  updated_at: now,
  completed_at: null,
  due: null,
  deadline: null,
  duration: null,
  completed_count: 0,
  ...given,
})
