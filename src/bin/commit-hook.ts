// For tests of atomic commits: a process is killed when a gateway has come to a named point of one. The file says which,
// `STEP PID`, and is emptied when it has been done; without such a file nothing happens.

import { readFileSync, writeFileSync } from "node:fs";
import type { CommitStep } from "../gateway/transaction/two-phase.ts";

export function killerAt(file: string): (step: CommitStep) => Promise<void> {
  return (step) => {
    const [wanted, pid] = readFileSync(file, "utf8").trim().split(" ");
    if (wanted === step && pid !== undefined) {
      writeFileSync(file, "");
      process.kill(Number(pid), "SIGKILL");
    }
    return Promise.resolve();
  };
}
