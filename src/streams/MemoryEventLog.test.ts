import * as DeadLettersContract from "./DeadLetters.contract.ts"
import { contractPartitions, suite } from "./EventLog.contract.ts"
import { layerMemory } from "./MemoryEventLog.ts"

suite("memory", () => layerMemory({ partitions: contractPartitions }))
DeadLettersContract.suite("memory", () => layerMemory({ partitions: contractPartitions }))
