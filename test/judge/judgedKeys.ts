/** Who misses a key that is taken away: the SDK, only our own assertions, or nobody. */
export interface JudgedKeys {
  readonly sdk: ReadonlyArray<string>
  readonly ours: ReadonlyArray<string>
  readonly nobody: ReadonlyArray<string>
}

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter((word) => word !== "").sort()

export const judged = (sdk: string, ours = "", nobody = ""): JudgedKeys => ({
  sdk: words(sdk),
  ours: words(ours),
  nobody: words(nobody),
})

export const item = judged(
  `id user_id project_id section_id parent_id added_by_uid assigned_by_uid responsible_uid content description
  labels priority child_order day_order is_collapsed checked is_deleted added_at updated_at completed_at due deadline
  duration`,
  "",
  "completed_count",
)
