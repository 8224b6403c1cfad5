/** Finds the objects of one kind in a reply's body, and takes a key away from each. */
export type Kind = keyof typeof places

type Json = Record<string, unknown>

/** Whether this is an object of the kind; `under` is the key it stands under, or that of the array it is in. */
const places = {
  item: (value: Json) => "content" in value || "added_by_uid" in value,
  due: (_: Json, under: string) => under === "due",
  deadline: (_: Json, under: string) => under === "deadline",
  duration: (_: Json, under: string) => under === "duration",
  project: (value: Json) => "view_style" in value || "default_order" in value,
  section: (value: Json) => "section_order" in value || "archived_at" in value,
  label: (value: Json) =>
    ("color" in value || "is_favorite" in value) && !("view_style" in value || "default_order" in value),
  collaborator: (_: Json, under: string) => under === "collaborators",
  collaborator_state: (_: Json, under: string) => under === "collaborator_states",
  person: (value: Json, under: string) => under === "results" && ("email" in value || "name" in value),
  activity: (value: Json) => "event_type" in value || "event_date" in value,
  user: (value: Json) => "tz_info" in value || "karma_trend" in value,
  tz_info: (_: Json, under: string) => under === "tz_info",
  features: (_: Json, under: string) => under === "features",
  initiator: (_: Json, under: string) => under === "initiator",
  event_data_extra: (_: Json, under: string) => under === "event_data_extra",
  error: (value: Json) => "error_tag" in value || "error_code" in value,
  envelope: (_: Json, under: string) => under === "",
}

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const objectsOf = (kind: Kind, value: unknown, under = ""): ReadonlyArray<Json> => {
  if (Array.isArray(value)) return value.flatMap((each) => objectsOf(kind, each, under))
  if (!isObject(value)) return []
  const inside = Object.entries(value).flatMap(([key, each]) => objectsOf(kind, each, key))
  return places[kind](value, under) ? [value, ...inside] : inside
}

/** Every key an object of the kind has in this body. */
export const keysOf = (kind: Kind, body: string): ReadonlyArray<string> => [
  ...new Set(objectsOf(kind, body === "" ? null : JSON.parse(body)).flatMap(Object.keys)),
]

export const withoutKey = (kind: Kind, key: string, body: string): string => {
  const value: unknown = JSON.parse(body)
  for (const each of objectsOf(kind, value)) delete each[key]
  return JSON.stringify(value)
}
