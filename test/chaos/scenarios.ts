/** Every fault there is. */
import { scenario as brokerFreeze } from "./scenarios/broker-freeze.ts"
import { scenario as brokerKill } from "./scenarios/broker-kill.ts"
import { scenario as crashLoop } from "./scenarios/crash-loop.ts"
import { scenario as deadLettersFull } from "./scenarios/dead-letters-full.ts"
import { scenario as diskFull } from "./scenarios/disk-full.ts"
import { scenario as hostile } from "./scenarios/hostile.ts"
import { scenario as network } from "./scenarios/network.ts"
import { scenario as poisonStorm } from "./scenarios/poison-storm.ts"
import { scenario as replicaKillAfterDeadLetter } from "./scenarios/replica-kill-after-dead-letter.ts"
import { scenario as replicaKillAfterEffect } from "./scenarios/replica-kill-after-effect.ts"
import { scenario as replicaKillBeforeCommit } from "./scenarios/replica-kill-before-commit.ts"
import { scenario as rolledBackStore } from "./scenarios/rolled-back-store.ts"
import { scenario as rollingRestart } from "./scenarios/rolling-restart.ts"
import { scenario as slowConsumer } from "./scenarios/slow-consumer.ts"
import { scenario as twoContracts } from "./scenarios/two-contracts.ts"
import { scenario as wipedStore } from "./scenarios/wiped-store.ts"
import { scenario as zombie } from "./scenarios/zombie.ts"
import type { Scenario } from "./Scenario.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  brokerFreeze,
  brokerKill,
  crashLoop,
  deadLettersFull,
  diskFull,
  hostile,
  network,
  poisonStorm,
  replicaKillAfterDeadLetter,
  replicaKillAfterEffect,
  replicaKillBeforeCommit,
  rolledBackStore,
  rollingRestart,
  slowConsumer,
  twoContracts,
  wipedStore,
  zombie,
]
