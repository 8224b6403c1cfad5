/** OAuth scopes of Todoist, and what each call needs of them. */
const knownScopes = [
  "task:add",
  "data:read",
  "data:read_write",
  "data:delete",
  "project:delete",
  "backups:read",
  "billing:read",
  "billing:read_write",
  "dev:app_console",
] as const
export type Scope = typeof knownScopes[number]

/** Comma separated, as documented; undefined when empty or when one is not known (`invalid_scope`). */
export const readScopes = (text: string | null | undefined): ReadonlyArray<Scope> | undefined => {
  const names = (text ?? "").split(/[\s,]+/).filter((name) => name !== "")
  const known = names.filter((name): name is Scope => (knownScopes as ReadonlyArray<string>).includes(name))
  return names.length === 0 || known.length < names.length ? undefined : known
}

/** `types` are the commands of a writing call; deletions have scopes of their own. */
const neededBy = (writes: boolean, types: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<Scope>> => {
  if (!writes) return [["data:read", "data:read_write"]]
  return types.map((type): ReadonlyArray<Scope> => {
    if (type === "item_add") return ["task:add", "data:read_write"]
    if (type === "project_delete") return ["project:delete"]
    return type.endsWith("_delete") ? ["data:delete"] : ["data:read_write"]
  })
}

/** Whether the scopes allow the call. Null stands for a personal token, which may do everything. */
export const allows = (
  scopes: ReadonlyArray<Scope> | null,
  call: { readonly reads: boolean; readonly writes: boolean; readonly types: ReadonlyArray<string> },
): boolean => {
  if (scopes === null) return true
  const needed = [...(call.reads ? neededBy(false, []) : []), ...(call.writes ? neededBy(true, call.types) : [])]
  return needed.every((anyOf) => anyOf.some((scope) => scopes.includes(scope)))
}
