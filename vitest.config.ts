import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: [
      ...["src", "simulator", "test", "schemas", "bench"].map((folder) => `${folder}/**/*.test.ts`),
      // Plain JavaScript, as the scripts are: the user's own Node starts them.
      "scripts/**/*.test.mjs",
    ],
    globalSetup: ["test/support/globalSetup.ts"],
    // Vitest's other pools lose errors under Deno.
    pool: "forks",
    // Two, as the smallest machine we look after has cores: tests with processes of their own are not starved.
    maxWorkers: 2,
    // Starting servers on a loaded machine; a test that waits for longer than this waits for what never comes.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 40_000,
  },
})
