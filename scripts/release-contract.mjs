// Makes today's schemas/proto the baseline that `npm run check` compares with. Run on release, and commit the file.
//
//   node scripts/release-contract.mjs            refuses when today's contract breaks the released one
//   node scripts/release-contract.mjs --break    releases it all the same: readers of old events will fail
import fs from "node:fs"
import path from "node:path"
import { parseArgs } from "node:util"
import { baseline } from "./support/checks.mjs"
import { Refusal, root, run, script, tool } from "./support/process.mjs"

await script(async (args) => {
  const { values } = parseArgs({ args, options: { break: { type: "boolean", default: false } } })
  if (fs.existsSync(path.join(root, baseline)) && !values.break) {
    const compared = await run(tool("buf"), ["breaking", "schemas/proto", "--against", baseline])
    if (compared.code !== 0) {
      throw new Refusal(`${compared.output}Not released: the above breaks the released contract (--break overrides).`)
    }
  }
  // Comments and positions are left out: the baseline changes only when the contract does.
  const built = await run(tool("buf"), ["build", "schemas/proto", "--exclude-source-info", "-o", baseline])
  if (built.code !== 0) throw new Refusal(built.output)
  console.log(`${baseline} is now the released contract: commit it`)
  return 0
})
