/** Finds the binaries of installation `argv[2]` for data folder `argv[3]`; run as a user who may not change it. */
import { Effect } from "effect"
import process from "node:process"
import { locate } from "../../src/store/embedded/Binaries.ts"

const [, , root = "", dataDir = ""] = process.argv
const { postgres } = await Effect.runPromise(locate({ root, dataDir }))
process.stdout.write(postgres)
