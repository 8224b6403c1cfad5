/**
 * To be imported before `effect`, by whatever runs for long.
 *
 * Each time a fiber waits, `effect` makes an `AsyncResource` of node:async_hooks, and goes on inside it. Deno's keeps
 * the one it was made in (since https://github.com/denoland/deno/pull/34188), so a fiber that lives on keeps a chain of
 * all its waits: some 430 bytes each, never freed. Nothing here uses an async context, and without that class `effect`
 * does without one.
 */
import process from "node:process"

if ("Deno" in globalThis) {
  const builtin = process.getBuiltinModule
  const hidden = (id: string) => {
    if (id !== "node:async_hooks") return builtin.call(process, id)
    // `effect` asks once, while it is loaded.
    process.getBuiltinModule = builtin
    return undefined
  }
  process.getBuiltinModule = hidden as typeof builtin
}
