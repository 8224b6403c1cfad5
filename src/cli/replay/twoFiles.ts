/** The files of `--file` and `--resume`: each would write over the other if they were one. */
import fs from "node:fs/promises"
import path from "node:path"
import { Effect } from "effect"
import { CannotStart } from "../problem.ts"

/** Refuses one file under two names too, through links as well, and what `--resume` writes beside its file. */
export const expectTwoFiles = Effect.fnUntraced(function* (
  { file, resume }: { readonly file: string | undefined; readonly resume: string | undefined },
) {
  if (file === undefined || resume === undefined) return
  const [output, ...states] = yield* Effect.promise(() => Promise.all([file, resume, `${resume}.tmp`].map(identityOf)))
  if (states.some((state) => state.some((one) => output?.includes(one)))) {
    return yield* new CannotStart({ lines: ["--file and --resume name the same file: give each its own"] })
  }
})

/** Its place with all links followed, and what the disk calls it. What does not exist has the place it would have. */
const identityOf = async (file: string): Promise<ReadonlyArray<string>> => {
  const absolute = path.resolve(file)
  const orItself = () => absolute
  const found = await fs.stat(absolute, { bigint: true }).catch(() => undefined)
  const place = found === undefined
    ? path.join(await fs.realpath(path.dirname(absolute)).catch(() => path.dirname(absolute)), path.basename(absolute))
    : await fs.realpath(absolute).catch(orItself)
  return found === undefined ? [absolute, place] : [absolute, place, `${found.dev}:${found.ino}`]
}
