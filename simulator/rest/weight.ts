/** What a REST call weighs: it reads, or it is one command. */
import type { Weight } from "../api.ts"

export const reading = (): Weight => ({
  fullRead: false,
  incrementalRead: false,
  reads: true,
  writes: false,
  types: [],
  commands: 0,
})

export const writing = (type: string) => (): Weight => ({ ...reading(), reads: false, writes: true, types: [type] })
