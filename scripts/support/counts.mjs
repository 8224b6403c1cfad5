/**
 * Counts of a test run from what vitest's JSON reporter wrote and the exit code it left.
 */

/**
 * Nothing may fail without being counted: a file that could not be loaded is one failure, and so is a run that ended
 * badly though every test passed (an unhandled error, a crash before the report was written, no test at all).
 *
 * @param {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: ReadonlyArray<{ status: string, name: string, assertionResults: ReadonlyArray<{ status: string }> }> }
 *   | undefined} report
 * @param {number} exitCode
 * @returns {{ passed: number, failed: number, skipped: number, reasons: ReadonlyArray<string> }}
 */
export function countsOf(report, exitCode) {
  if (report === undefined) {
    return { passed: 0, failed: 1, skipped: 0, reasons: [`the run ended with exit ${exitCode} and no report`] }
  }
  const unloaded = report.testResults.filter((file) =>
    file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")
  )
  const reasons = unloaded.map((file) => `${file.name} failed outside its tests`)
  const passed = report.numPassedTests
  const failed = report.numFailedTests + unloaded.length
  const skipped = report.numPendingTests + report.numTodoTests
  if (passed + failed === 0) return { passed, failed: 1, skipped, reasons: ["no test ran"] }
  if (failed === 0 && exitCode !== 0) {
    return { passed, failed: 1, skipped, reasons: [`every test passed but the run ended with exit ${exitCode}`] }
  }
  return { passed, failed, skipped, reasons }
}
