/** The folder and style rules alone: no database, no second process, so `npm run check` has them in a second or two. */
import { defineConfig } from "vitest/config"

export default defineConfig({ test: { include: ["test/tidy.test.ts", "test/tidy/*.test.ts"] } })
