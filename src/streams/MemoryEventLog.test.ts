import { contractPartitions, suite } from "./EventLog.contract.ts"
import { layerMemory } from "./MemoryEventLog.ts"

suite("memory", () => layerMemory({ partitions: contractPartitions }))
