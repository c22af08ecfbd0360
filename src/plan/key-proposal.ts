// Sharding keys by trial: a change of the VSchema is good when statements planned with it do better. Changes that are tried
// come from the columns the statements find and join their rows by; nothing is said of one that was not planned.

import { assertNever } from "../base/assert.ts";
import { ShardgateError } from "../base/errors.ts";
import type { ClusterSchema } from "../schema/model.ts";
import type { Statement } from "../sql/tree.ts";
import { createVindex } from "../vschema/create-vindex.ts";
import type {
  ClusterVSchema,
  ColumnVindex,
  KeyspaceVSchema,
  TableVSchema,
  VindexDefinition,
} from "../vschema/model.ts";
import { isInteger } from "./colocation.ts";
import { type KeyUsage, keyUsageOf, showColumn, type UsedColumn } from "./key-usage.ts";
import type { Plan } from "./plan.ts";
import { planStatement } from "./planner.ts";
import { isOneShard } from "./reason-of.ts";
import { type PlanContext, type ResolvedTable, tablesOf } from "./tables.ts";

export type KeyChange =
  /** The table's primary vindex, on one column. */
  | {
      readonly kind: "vindex";
      readonly keyspace: string;
      readonly table: string;
      readonly column: string;
      readonly vindex: VindexDefinition;
    }
  /** A copy on every shard of `keyspace`; `source`: where it is copied from. */
  | {
      readonly kind: "reference";
      readonly keyspace: string;
      readonly table: string;
      readonly source: string | undefined;
    };

/** `refused` cannot be run, `gather` to `one shard` can, better and better. */
export const GRADES = ["refused", "gather", "merge", "all shards", "one shard"] as const;
export type Grade = (typeof GRADES)[number];

export interface Workload {
  readonly statement: Statement;
  readonly keyspace: string | undefined;
}

export interface Proposal {
  readonly changes: readonly KeyChange[];
  /** Statements of each grade, without and with the changes. */
  readonly before: Readonly<Record<Grade, number>>;
  readonly after: Readonly<Record<Grade, number>>;
}

export function gradeOf(plan: Plan): Grade {
  switch (plan.kind) {
    case "session":
    case "insert":
    case "catalog":
      return "one shard";
    case "insert-rows":
      return "one shard";
    case "gather":
    case "merge":
      return plan.kind;
    case "change":
      return "merge";
    case "send":
      if (isOneShard(plan.routing)) return "one shard";
      if (plan.crossShard === undefined) return "all shards";
      return plan.severalShards === undefined ? "refused" : gradeOf(plan.severalShards);
    default:
      return assertNever(plan);
  }
}

/** The change after which the one statement does best; undefined when none that was tried does it good. */
export function proposeFor(workload: Workload, context: PlanContext): Proposal | undefined {
  const trial = new Trial([workload], context);
  const found = trial.best([...trial.keyChanges(context.vschema), ...trial.referenceChanges(context.vschema)]);
  return found === undefined ? undefined : trial.proposal(found);
}

/** Changes after which the statements together do best, as far as going from one change to a better one finds it. */
export function proposeForAll(workloads: readonly Workload[], context: PlanContext): Proposal {
  const trial = new Trial(workloads, context);
  let changes: readonly KeyChange[] = [];
  const improve = (candidatesOf: (vschema: ClusterVSchema) => readonly (readonly KeyChange[])[]): boolean => {
    const changed = withChanges(context.vschema, changes);
    const candidates = candidatesOf(changed).map((more) => merged(changes, more));
    const better = trial.best(candidates, changes);
    if (better !== undefined) changes = better;
    return better !== undefined;
  };
  for (let round = 0; round < ROUNDS_MAX && improve((vschema) => trial.keyChanges(vschema)); round++);
  for (let round = 0; round < ROUNDS_MAX && improve((vschema) => trial.referenceChanges(vschema)); round++);
  return trial.proposal(changes);
}

const ROUNDS_MAX = 8;
/** Candidates tried in a round: beyond are columns that hardly any statement uses. */
const CANDIDATES_MAX = 200;

/** In words, and as it stands in the VSchema. */
export function showChange(change: KeyChange): string {
  const { keyspace, table } = change;
  if (change.kind === "reference") {
    const source = change.source === undefined ? "" : `, "source": "${change.source}"`;
    return `${keyspace}.${table} as a reference table, if it is small and seldom written ({"type": "reference"${source}})`;
  }
  const { column, vindex } = change;
  return `${keyspace}.${table} sharded by ${column} ({"column": "${column}", "name": "${vindex.name}"}, vindex type ${vindex.type})`;
}

/** The VSchema with the changes made. */
function withChanges(vschema: ClusterVSchema, changes: readonly KeyChange[]): ClusterVSchema {
  const keyspaces = new Map(vschema.keyspaces);
  for (const change of changes) {
    const keyspace = keyspaces.get(change.keyspace);
    if (keyspace === undefined) continue;
    keyspaces.set(change.keyspace, changedKeyspace(keyspace, change));
  }
  return { ...vschema, keyspaces };
}

/** A keyspace that is to be sharded, each table by its primary key's first column until something better is proposed. */
export function shardedByPrimaryKeys(keyspace: KeyspaceVSchema, schema: ClusterSchema): KeyspaceVSchema {
  const name = keyspace.keyspace;
  const vindexes = new Vindexes();
  let sharded: KeyspaceVSchema = { ...keyspace, sharded: true, vindexes: new Map(), tables: new Map() };
  for (const table of schema.tables(name)) {
    const column = table.keys[0]?.columns[0];
    if (table.kind !== "table" || column === undefined) continue;
    const used = { keyspace: name, table: table.name, column };
    const change: KeyChange = { ...used, kind: "vindex", vindex: vindexes.for([used], sharded, schema) };
    sharded = changedKeyspace(sharded, change);
  }
  return sharded;
}

function changedKeyspace(keyspace: KeyspaceVSchema, change: KeyChange): KeyspaceVSchema {
  const before = keyspace.tables.get(change.table);
  const tables = new Map(keyspace.tables).set(change.table, changedTable(change, before));
  const vindexes = new Map(keyspace.vindexes);
  if (change.kind === "vindex") vindexes.set(change.vindex.name, change.vindex);
  return { ...keyspace, tables, vindexes };
}

function changedTable(change: KeyChange, before: TableVSchema | undefined): TableVSchema {
  const table: TableVSchema = before ?? {
    keyspace: change.keyspace,
    name: change.table,
    type: "table",
    columnVindexes: [],
    autoIncrement: undefined,
    columns: [],
    columnListAuthoritative: false,
    pinned: undefined,
    source: undefined,
  };
  if (change.kind === "reference") {
    const [keyspace, name] = change.source?.split(".") ?? [];
    const source = name === undefined ? table.source : { keyspace, table: name };
    return { ...table, type: "reference", columnVindexes: [], pinned: undefined, source };
  }
  const { column, vindex } = change;
  const primary: ColumnVindex = {
    name: vindex.name,
    columns: [column],
    columnsLower: [column.toLowerCase()],
    vindex: vindex.vindex,
    owned: false,
  };
  return { ...table, type: "table", columnVindexes: [primary], pinned: undefined, source: undefined };
}

/** A statement with what it uses, planned again and again. */
class Trial {
  readonly #context: PlanContext;
  readonly #workloads: readonly Workload[];
  readonly #usages: readonly KeyUsage[];
  readonly #grades = new Map<string, readonly Grade[]>();
  readonly #vindexes = new Vindexes();

  constructor(workloads: readonly Workload[], context: PlanContext) {
    this.#context = context;
    this.#workloads = workloads;
    this.#usages = workloads.map(({ statement, keyspace }) => usageOf(statement, { ...context, keyspace }));
  }

  proposal(changes: readonly KeyChange[]): Proposal {
    return { changes, before: counted(this.#gradesOf([])), after: counted(this.#gradesOf(changes)) };
  }

  /** The best of the candidates, if it is better than `than`; of equal ones the one with fewer changes. */
  best(
    candidates: readonly (readonly KeyChange[])[],
    than: readonly KeyChange[] = [],
  ): readonly KeyChange[] | undefined {
    let best: readonly KeyChange[] | undefined;
    let bestScore = scoreOf(this.#gradesOf(than));
    for (const candidate of candidates.slice(0, CANDIDATES_MAX)) {
      const score = scoreOf(this.#gradesOf(candidate));
      const isBetter =
        score > bestScore || (best !== undefined && score === bestScore && candidate.length < best.length);
      if (!isBetter) continue;
      best = candidate;
      bestScore = score;
    }
    return best;
  }

  /** Tables sharded by columns that statements find rows by, those joined by them alike. Most used first. */
  keyChanges(vschema: ClusterVSchema): readonly (readonly KeyChange[])[] {
    const classes = new ColumnClasses();
    for (const { joins } of this.#usages) {
      for (const { left, right, op } of joins) if (op === "=") classes.join(left, right);
    }
    for (const { filters } of this.#usages) for (const use of filters) if (isPoint(use.op)) classes.use(use);
    const changesOf = (columns: readonly UsedColumn[]): readonly KeyChange[] => {
      const [first, ...rest] = groupsByKeyspace(columns);
      if (first === undefined) return [];
      return [first, ...rest].flatMap((group) => this.#keyedBy(group, vschema));
    };
    const each = classes.all().flatMap((columns) => {
      const oneByOne = columns.length > 1 ? columns.map((column) => [column]) : [];
      return [columns, ...oneByOne].map(changesOf);
    });
    return each.filter((changes) => changes.length > 0);
  }

  /**
   * Sharded tables, and those of other keyspaces, as reference tables: what statements do not write, and what is always read
   * together with another sharded table, since a large one cannot be everywhere.
   */
  referenceChanges(vschema: ClusterVSchema): readonly (readonly KeyChange[])[] {
    const excluded = new Set<string>();
    const read = new Map<string, { readonly keyspace: KeyspaceVSchema; readonly name: string }>();
    for (const { statement, keyspace } of this.#workloads) {
      const isWrite = statement.kind === "insert" || statement.kind === "update" || statement.kind === "delete";
      const tables = resolved(statement, { ...this.#context, keyspace });
      const placed = new Set(tables.flatMap((table) => (isPlaced(table) ? [nameOf(table)] : [])));
      if (placed.size === 1 || isWrite) for (const name of placed) excluded.add(name);
      for (const table of tables) read.set(nameOf(table), table);
    }
    const homes = [...vschema.keyspaces.values()].filter(
      ({ keyspace, sharded }) => sharded && [...read.values()].some((table) => table.keyspace.keyspace === keyspace),
    );
    const single: KeyChange[] = [];
    for (const [shown, { keyspace, name }] of read) {
      if (excluded.has(shown)) continue;
      const table = vschema.keyspaces.get(keyspace.keyspace)?.tables.get(name);
      if (keyspace.sharded) {
        if (table?.type === "table")
          single.push({ kind: "reference", keyspace: keyspace.keyspace, table: name, source: undefined });
        continue;
      }
      for (const home of homes) {
        if (home.tables.get(name)?.type === "reference") continue;
        single.push({ kind: "reference", keyspace: home.keyspace, table: name, source: shown });
      }
    }
    const keyed = this.keyChanges(vschema);
    const both = single.flatMap((change) => keyed.map((changes) => merged(changes, [change])));
    return [...single.map((change) => [change]), ...both];
  }

  #keyedBy(columns: readonly UsedColumn[], vschema: ClusterVSchema): readonly KeyChange[] {
    const ofKeyspace = vschema.keyspaces.get(columns[0]?.keyspace ?? "");
    if (ofKeyspace?.sharded !== true) return [];
    const vindex = this.#vindexes.for(columns, ofKeyspace, this.#context.schema);
    const byTable = new Map(columns.map((column) => [column.table, column]));
    return [...byTable.values()].flatMap(({ keyspace, table, column }): KeyChange[] => {
      const before = ofKeyspace.tables.get(table);
      if (before?.type !== "table") return [];
      const [primary] = before.columnVindexes;
      const isThere = primary?.columnsLower.join() === column.toLowerCase() && primary.vindex === vindex.vindex;
      return isThere ? [] : [{ kind: "vindex", keyspace, table, column, vindex }];
    });
  }

  #gradesOf(changes: readonly KeyChange[]): readonly Grade[] {
    const key = changes.map(showChange).toSorted().join("\n");
    const known = this.#grades.get(key);
    if (known !== undefined) return known;
    const vschema = withChanges(this.#context.vschema, changes);
    const grades = this.#workloads.map(({ statement, keyspace }) =>
      gradeWith(statement, { ...this.#context, vschema, keyspace }),
    );
    this.#grades.set(key, grades);
    return grades;
  }
}

function gradeWith(statement: Statement, context: PlanContext): Grade {
  try {
    return gradeOf(planStatement(statement, context));
  } catch (error) {
    if (error instanceof ShardgateError) return "refused";
    throw error;
  }
}

function usageOf(statement: Statement, context: PlanContext): KeyUsage {
  try {
    return keyUsageOf(statement, context);
  } catch (error) {
    if (error instanceof ShardgateError) return { grouping: [], joins: [], filters: [], selected: [] };
    throw error;
  }
}

function resolved(statement: Statement, context: PlanContext): ReturnType<typeof tablesOf>["tables"] {
  try {
    return tablesOf(statement, context).tables;
  } catch (error) {
    if (error instanceof ShardgateError) return [];
    throw error;
  }
}

function nameOf({ keyspace, name }: ResolvedTable): string {
  return `${keyspace.keyspace}.${name}`;
}

/** Its rows are spread over shards. */
function isPlaced({ keyspace, table }: ResolvedTable): boolean {
  return keyspace.sharded && table?.type === "table" && table.pinned === undefined;
}

function isPoint(op: string): boolean {
  return op === "=" || op === "in" || op === "<=>";
}

function counted(grades: readonly Grade[]): Readonly<Record<Grade, number>> {
  const count = (grade: Grade): number => grades.filter((each) => each === grade).length;
  return {
    refused: count("refused"),
    gather: count("gather"),
    merge: count("merge"),
    "all shards": count("all shards"),
    "one shard": count("one shard"),
  };
}

/** One statement that goes to one shard is worth more than several that need not be gathered. */
const WORTH: Readonly<Record<Grade, number>> = { refused: 0, gather: 1, merge: 3, "all shards": 4, "one shard": 12 };

function scoreOf(grades: readonly Grade[]): number {
  return grades.reduce((sum, grade) => sum + WORTH[grade], 0);
}

/** The later change of a table counts. */
function merged(changes: readonly KeyChange[], more: readonly KeyChange[]): readonly KeyChange[] {
  const byTable = new Map([...changes, ...more].map((change) => [`${change.keyspace}.${change.table}`, change]));
  return [...byTable.values()];
}

function groupsByKeyspace(columns: readonly UsedColumn[]): readonly (readonly UsedColumn[])[] {
  const groups = new Map<string, UsedColumn[]>();
  for (const column of columns) groups.set(column.keyspace, [...(groups.get(column.keyspace) ?? []), column]);
  return [...groups.values()];
}

/** Vindexes for columns: one object for each type, as planning takes columns of the same vindex for placed alike. */
class Vindexes {
  readonly #made = new Map<string, VindexDefinition>();

  /** What already places one of the columns, else one for their type: `hash` for integers, `xxhash` for the rest. */
  for(columns: readonly UsedColumn[], { vindexes, tables }: KeyspaceVSchema, schema: ClusterSchema): VindexDefinition {
    for (const { table, column } of columns) {
      const primary = tables.get(table)?.columnVindexes[0];
      const found = primary === undefined ? undefined : vindexes.get(primary.name);
      if (found !== undefined && primary?.columnsLower.join() === column.toLowerCase()) return found;
    }
    const areIntegers = columns.every(({ keyspace, table, column }) => {
      const definition = schema.table(keyspace, table)?.columns.find(({ lower }) => lower === column.toLowerCase());
      return definition !== undefined && isInteger(definition.dataType);
    });
    const type = areIntegers ? "hash" : "xxhash";
    return [...vindexes.values()].find((vindex) => vindex.type === type) ?? this.#make(type);
  }

  #make(type: string): VindexDefinition {
    const known = this.#made.get(type);
    if (known !== undefined) return known;
    const params = new Map<string, string>();
    const made = { name: type, type, params, owner: "", vindex: createVindex(type, type, params) };
    this.#made.set(type, made);
    return made;
  }
}

/** Columns that statements make equal, in classes; how often each class is used. */
class ColumnClasses {
  readonly #parents = new Map<string, string>();
  readonly #columns = new Map<string, UsedColumn>();
  readonly #uses = new Map<string, number>();

  use(column: UsedColumn): string {
    const key = showColumn(column);
    const { keyspace, table, column: name } = column;
    this.#columns.set(key, { keyspace, table, column: name });
    this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1);
    return key;
  }

  join(a: UsedColumn, b: UsedColumn): void {
    const [left, right] = [this.#root(this.use(a)), this.#root(this.use(b))];
    if (left !== right) this.#parents.set(left, right);
  }

  /** Most used first. */
  all(): readonly (readonly UsedColumn[])[] {
    const classes = new Map<string, UsedColumn[]>();
    const uses = new Map<string, number>();
    for (const [key, column] of this.#columns) {
      const root = this.#root(key);
      classes.set(root, [...(classes.get(root) ?? []), column]);
      uses.set(root, (uses.get(root) ?? 0) + (this.#uses.get(key) ?? 0));
    }
    return [...classes].toSorted(([a], [b]) => (uses.get(b) ?? 0) - (uses.get(a) ?? 0)).map(([, columns]) => columns);
  }

  #root(key: string): string {
    let at = key;
    for (;;) {
      const parent = this.#parents.get(at);
      if (parent === undefined) return at;
      at = parent;
    }
  }
}
