import { defineConfig } from "vitest/config";
import type { Reporter } from "vitest/node";

/** Files that start real processes and wait for them. A test of theirs that fails is run once more, and told. */
const REAL_PROCESSES = ["test/e2e/**/*.test.ts", "test/unit/topo/**/*.test.ts", "test/unit/local/**/*.test.ts"];

/** A test that passed only when it was run again is a fault of the test or of the product: say so where it is seen. */
const retried: Reporter = {
  onTestCaseResult(test) {
    const diagnostic = test.diagnostic();
    if (diagnostic?.flaky !== true) return;
    const first = test.result().errors?.[0]?.message ?? "";
    process.stderr.write(`PASSED ONLY WHEN RUN AGAIN: ${test.module.moduleId} > ${test.fullName}: ${first}\n`);
  },
};

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 240_000,
    pool: "forks",
    // More than the two cores there are: many wait for timers and for processes.
    maxWorkers: 3,
    reporters: ["default", retried],
    projects: [
      { extends: true, test: { name: "processes", include: REAL_PROCESSES, retry: 1 } },
      { extends: true, test: { name: "plain", include: ["test/**/*.test.ts"], exclude: REAL_PROCESSES } },
    ],
  },
});
