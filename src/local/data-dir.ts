// The data directory of a local cluster and what is remembered in it: which keyspaces it holds, which statements of the
// schema files were applied, which ports were used. A directory whose first start did not finish holds nothing of
// worth and is made anew; one that is not ours is refused.
//
//   DIR/cluster.json   this record          DIR/keyspaces/KS/SHARD/ALIAS/   a mysqld and its tablet
//   DIR/local.pid      who runs it          DIR/etcd/, DIR/gateway/, DIR/template/

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { ShardgateError } from "../base/errors.ts";
import { isRunning, startTicks } from "./process.ts";

export interface ClusterShape {
  /** Shard names by keyspace. */
  readonly keyspaces: Readonly<Record<string, readonly string[]>>;
  readonly replicas: number;
}

interface ClusterRecord extends ClusterShape {
  readonly version: 1;
  /** False until the first start has succeeded. */
  complete: boolean;
  /** Hashes of the statements done, in order, by `KS/SHARD` for definitions and by `KS` for rows. */
  readonly applied: Record<string, string[]>;
  readonly ports: Record<string, number>;
}

const OURS = ["keyspaces", "etcd", "gateway", "template", "cluster.json", "local.pid"];

export class DataDir {
  readonly path: string;
  readonly record: ClusterRecord;
  /** True when this start finds the data of an earlier one. */
  readonly isReused: boolean;
  private readonly madeDir: boolean;

  private constructor(path: string, record: ClusterRecord, isReused: boolean, madeDir: boolean) {
    this.path = path;
    this.record = record;
    this.isReused = isReused;
    this.madeDir = madeDir;
  }

  /** Takes the directory for this process. Throws CONFIG_BAD when it is in use, not ours, or of another shape. */
  static open(dir: string, shape: ClusterShape): DataDir {
    const path = resolve(dir);
    const pidFile = join(path, "local.pid");
    if (isRunning(pidFile)) {
      const pid = readFileSync(pidFile, "utf8").split(" ")[0];
      throw bad(`--data-dir ${path} is in use by a running \`shardgate local\` (pid ${pid}); stop it or take another`);
    }
    const madeDir = !existsSync(path);
    const earlier = madeDir ? undefined : readRecord(path);
    const isReused = earlier?.complete === true;
    if (!madeDir && earlier === undefined && readdirSync(path).length > 0) {
      throw bad(`--data-dir ${path} is not empty and was not made by \`shardgate local\`; take another`);
    }
    if (isReused) checkShape(path, earlier, shape);
    else clear(path);
    mkdirSync(path, { recursive: true });
    const record = isReused ? earlier : { version: 1 as const, complete: false, ...shape, applied: {}, ports: {} };
    const opened = new DataDir(path, record, isReused, madeDir);
    opened.save();
    writeFileSync(pidFile, `${process.pid} ${startTicks(process.pid) ?? ""}\n`);
    return opened;
  }

  /** Which of `hashes` are still to be applied for `key`; `changed` when those done are not the first of them. */
  pending(key: string, hashes: readonly string[]): { from: number; changed: boolean } {
    const done = this.record.applied[key] ?? [];
    const changed = done.some((hash, index) => hashes[index] !== hash);
    return { from: changed ? hashes.length : done.length, changed };
  }

  markApplied(key: string, hash: string): void {
    (this.record.applied[key] ??= []).push(hash);
    this.save();
  }

  /** The port used by `name` in an earlier start. */
  port(name: string): number | undefined {
    return this.record.ports[name];
  }

  markPort(name: string, port: number): void {
    this.record.ports[name] = port;
    this.save();
  }

  /** The first start has succeeded: from here on the data is kept. */
  markComplete(): void {
    rmSync(join(this.path, "template"), { recursive: true, force: true });
    this.record.complete = true;
    this.save();
  }

  /** Gives the directory back; what an unfinished first start made in it is removed. */
  close(): void {
    rmSync(join(this.path, "local.pid"), { force: true });
    if (this.record.complete) return;
    clear(this.path);
    if (this.madeDir && readdirSync(this.path).length === 0) rmdirSync(this.path);
  }

  private save(): void {
    const file = join(this.path, "cluster.json");
    writeFileSync(`${file}.new`, `${JSON.stringify(this.record, undefined, 2)}\n`);
    renameSync(`${file}.new`, file);
  }
}

function readRecord(path: string): ClusterRecord | undefined {
  const file = join(path, "cluster.json");
  if (!existsSync(file)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (isRecord(value)) return value;
  } catch {
    // Falls through to the refusal: a record we cannot read is not ours to delete.
  }
  throw bad(`${file} cannot be read by this version of Shardgate; take another --data-dir`);
}

function isRecord(value: unknown): value is ClusterRecord {
  if (typeof value !== "object" || value === null || !("version" in value) || value.version !== 1) return false;
  return "complete" in value && "keyspaces" in value && "replicas" in value && "applied" in value && "ports" in value;
}

function checkShape(path: string, earlier: ClusterShape, shape: ClusterShape): void {
  const text = (keyspaces: ClusterShape["keyspaces"]) =>
    Object.entries(keyspaces)
      .map(([name, shards]) => `${name}=${shards.length}`)
      .toSorted()
      .join(",");
  const names = (keyspaces: ClusterShape["keyspaces"]) =>
    JSON.stringify(Object.entries(keyspaces).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (names(earlier.keyspaces) !== names(shape.keyspaces)) {
    throw bad(
      `--data-dir ${path} holds ${text(earlier.keyspaces)}, not ${text(shape.keyspaces)}: start it with the keyspaces and shards it was made with, take another, or delete it`,
    );
  }
  if (earlier.replicas !== shape.replicas) {
    throw bad(
      `--data-dir ${path} was made with --replicas ${earlier.replicas}, not ${shape.replicas}: use that, take another, or delete it`,
    );
  }
}

function clear(path: string): void {
  for (const name of OURS) rmSync(join(path, name), { recursive: true, force: true });
}

function bad(message: string): ShardgateError {
  return new ShardgateError("CONFIG_BAD", message);
}
