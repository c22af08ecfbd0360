// What /proc says a process has used: CPU time and resident memory, by name and pid.

import { readFileSync, writeFileSync } from "node:fs";

export interface Measured {
  readonly name: string;
  readonly pid: number;
}

/** The kernel's USER_HZ, which /proc counts in, is 100 on every Linux architecture Node runs on. */
const TICK_US = 10_000;

/** User and system CPU time since the process started. */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** Resident now. */
export function rssMiB(pid: number): number {
  return statusMiB(pid, "VmRSS");
}

/** The most that was resident since the start or since `resetPeak`. */
export function peakRssMiB(pid: number): number {
  return statusMiB(pid, "VmHWM");
}

/** Makes `peakRssMiB` count from now. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function statusMiB(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? 0) / 1024;
}
