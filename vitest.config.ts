import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type Reporter, type TestSpecification } from "vitest/node";

const TESTS = join(import.meta.dirname, "test");
/** What a file imports that starts real processes, itself or through another file of the tests. */
const STARTS_PROCESSES =
  /from "(node:child_process|[./a-z0-9-]*\/(cluster|twin|parts|arena|mariadbd|mysqld|etcd|supervisor)\.ts)"/;
/** Files that start real processes and wait for them. A test of theirs that fails is run once more, and told. */
const REAL_PROCESSES = readdirSync(TESTS, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) => file.startsWith("e2e/") || STARTS_PROCESSES.test(readFileSync(join(TESTS, file), "utf8")))
  .map((file) => `test/${file}`);

/** Those that take longest, most of it waiting, start first, so that none of them is alone at the end. */
const LONGEST_FIRST = [
  "e2e/schema-tracking",
  "e2e/local",
  "unit/topo/etcd-faults",
  "e2e/gather-faults",
  "e2e/start-stop",
  "e2e/mtls",
  "e2e/etcd-away",
  "e2e/faults",
  "e2e/session-state",
  "fuzz/gateway-streams",
  "e2e/workers",
  "differential/differential",
  "e2e/xa",
  "e2e/deploy",
  "e2e/two-phase",
  "e2e/client-faults",
  "e2e/ctl",
  "e2e/databases",
  "sql/live",
  "e2e/deadlocks",
  "unit/topo/store-contract",
  "e2e/connections",
  "e2e/drain",
  "e2e/admin",
  "e2e/protocol",
  "e2e/chaos",
].map((name) => join(TESTS, `${name}.test.ts`));

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const place = LONGEST_FIRST.indexOf(moduleId);
      return place >= 0 ? place : LONGEST_FIRST.length + (project.name === "processes" ? 0 : 1);
    };
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/** A test that passed only when it was run again is a fault of the test or of the product: say so where it is seen. */
const retried: Reporter = {
  onTestCaseResult(test) {
    const diagnostic = test.diagnostic();
    if (diagnostic?.flaky !== true) return;
    const first = test.result().errors?.[0]?.message ?? "";
    process.stderr.write(`PASSED ONLY WHEN RUN AGAIN: ${test.module.moduleId} > ${test.fullName}: ${first}\n`);
  },
};

/** Names a file for the names of the files that failed, one a line: test/run.sh runs those once more, without the others. */
const FAILED_VARIABLE = "SHARDGATE_TEST_FAILED";

/** Says nothing when an error of nobody's is among what failed: no file could show that it does not come again. */
const failedFiles: Reporter = {
  onTestRunEnd(modules, errors) {
    const path = process.env[FAILED_VARIABLE];
    if (path === undefined) return;
    const failed = modules.filter((module) => module.state() === "failed").map(({ moduleId }) => moduleId);
    const behind = errors.map(({ VITEST_TEST_PATH: name }): string => (typeof name === "string" ? name : ""));
    const names = behind.includes("") ? [] : [...new Set([...failed, ...behind])];
    writeFileSync(path, names.map((name) => `${relative(import.meta.dirname, name)}\n`).join(""));
  },
};

export default defineConfig({
  test: {
    // For what hangs; a loaded machine is slow and no failure.
    testTimeout: 360_000,
    hookTimeout: 480_000,
    pool: "forks",
    // Files follow each other in the same process: loading Shardgate anew for each took more time than many tests of it.
    isolate: false,
    // More than the two cores there are: many wait for timers and for processes.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    globalSetup: "test/fixture/template.ts",
    reporters: ["default", retried, failedFiles],
    projects: [
      { extends: true, test: { name: "processes", include: REAL_PROCESSES, retry: 1 } },
      { extends: true, test: { name: "plain", include: ["test/**/*.test.ts"], exclude: REAL_PROCESSES } },
    ],
  },
});
