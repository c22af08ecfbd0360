// Plans: plain readonly data made once per normalized statement and VSchema, cached, printed and tested; `engine` and
// `gateway` interpret them. Bind variables stay open: what depends on a value is a ValueRef, looked up at execution.

import type { Expr, Insert, Locking, Query, Statement, SystemTime } from "../sql/tree.ts";
import type { TableSchema } from "../schema/model.ts";
import type { ColumnVindex } from "../vschema/model.ts";
import type { MultiColumnVindex, SingleColumnVindex, Vindex } from "../vschema/vindex.ts";
import type { ChangePlan, InsertRowsPlan } from "./change-plan.ts";
import type { ColumnKind } from "./column-kind.ts";
import type { Score } from "./gather-scores.ts";
import type { KeyRouting } from "./key-routing.ts";
import type { MergePlan } from "./merge-plan.ts";
import type { SchemaFilter } from "./schema-filter.ts";
import type { GatewayRows } from "./system-tables.ts";
import type { AskedRef, ValueRef } from "./value-ref.ts";

/** Which shards a statement goes to, once its values are known. */
export type Routing =
  /** The one shard of an unsharded keyspace. */
  | { readonly kind: "unsharded" }
  /** Any one shard gives the answer (no table, or tables that are the same everywhere). */
  | { readonly kind: "any" }
  /** Rows with one value of a unique vindex. */
  | {
      readonly kind: "equal-unique";
      readonly vindex: SingleColumnVindex;
      readonly holds: ColumnKind;
      readonly value: ValueRef;
    }
  /** Rows with one of several values. */
  | {
      readonly kind: "in";
      readonly vindex: SingleColumnVindex;
      readonly holds: ColumnKind;
      readonly values: readonly ValueRef[];
    }
  /** Rows with values of all, or the first few, columns of a multi-column vindex. */
  | {
      readonly kind: "equal-multi";
      readonly vindex: MultiColumnVindex;
      readonly holds: readonly ColumnKind[];
      readonly values: readonly ValueRef[];
    }
  /** The shard of a fixed keyspace id: a pinned table. */
  | { readonly kind: "pinned"; readonly keyspaceId: Buffer }
  /** All shards of all parts: what several tables need, each by itself. */
  | { readonly kind: "all-of"; readonly parts: readonly Routing[] }
  /** Rows whose vindex column equals a value that a step's rows have in `column`. */
  | {
      readonly kind: "in-rows";
      readonly vindex: SingleColumnVindex;
      readonly holds: ColumnKind;
      readonly step: string;
      readonly column: string;
      /** The statement reads the rows in one place only: each shard can do with those that belong there. */
      readonly alone: boolean;
    }
  /** Other conditions on sharding keys, and several together. */
  | KeyRouting
  | { readonly kind: "scatter" };

/** The statement goes as it is to every shard of its routing; rows are concatenated, counts added. */
export interface SendPlan {
  readonly kind: "send";
  readonly keyspace: string;
  readonly routing: Routing;
  /** What the answers of several shards cannot simply be put together for; undefined when they can. */
  readonly crossShard: string | undefined;
  /** What answers it instead when `crossShard` is set and there are several shards. */
  readonly severalShards: MergePlan | GatherPlan | ChangePlan | undefined;
  readonly effect: Effect;
  /** The answer is rows, also from several shards; else counts. */
  readonly rows: boolean;
  /** One of its shards is enough. */
  readonly onOne?: boolean;
  /** Every shard has the same rows, so that what one of them counts is what is told. */
  readonly everywhere?: boolean;
  /** The gateway's own functions (LAST_INSERT_ID(), …) in the tree: print it anew for each execution. */
  readonly substitute: Statement | undefined;
  /**
   * Values in `routing` that a mysqld is asked for first, and lookup tables after them; undefined when neither is to be
   * asked.
   */
  readonly asks: readonly AskedRef[] | undefined;
  /** Of a statement that looks its shards up: one row may be what it answers when there are none. */
  readonly rowOfNone?: boolean;
}

/** Multi-row INSERT or REPLACE into a sharded table: each row to the shard its primary vindex says. */
export interface InsertPlan {
  readonly kind: "insert";
  readonly keyspace: string;
  readonly table: string;
  readonly statement: Insert;
  readonly primary: InsertVindex;
  /** Other unique functional vindexes: a row must map to the same keyspace id by them. */
  readonly verify: readonly InsertVindex[];
  /** Vindexes kept in tables: those that the table's rows feed, and unique ones that its values have to be in. */
  readonly lookups: readonly InsertLookup[];
  /** ON DUPLICATE KEY UPDATE may give a row another place. */
  readonly movesOnDuplicate: boolean;
  readonly definition: TableSchema | undefined;
  readonly generate: GeneratedColumn | undefined;
  /** The gateway's own functions (LAST_INSERT_ID(), …) are in it. */
  readonly substitute: boolean;
  /** `statement` is not what the client wrote. */
  readonly printed?: boolean;
  /** As of an Effect. */
  readonly triggerVariables?: readonly string[];
}

export interface InsertVindex {
  /** One kept in a table maps nothing until that was asked for the rows' values. */
  readonly vindex: Vindex;
  readonly columns: readonly string[];
  readonly holds: readonly ColumnKind[];
  /** Row by row, column by column; undefined where the value comes from the sequence. */
  readonly values: readonly (readonly (ValueRef | undefined)[])[];
}

export interface InsertLookup {
  readonly columnVindex: ColumnVindex;
  /** Row by row, column by column; undefined where the row does not say. */
  readonly values: readonly (readonly (Expr | undefined)[])[];
}

/** Column filled from a sequence where a row gives NULL, DEFAULT, 0 or nothing. */
export interface GeneratedColumn {
  readonly column: string;
  /** Position in the row; the number of listed columns when it has to be added. */
  readonly position: number;
  /** Undefined: a snowflake id. */
  readonly sequence: SequenceTable | undefined;
}

export interface SequenceTable {
  readonly keyspace: string;
  readonly table: string;
  /** Of the shard it is pinned to. */
  readonly pinned: Buffer | undefined;
  /** It goes on behind ids that statements give, as AUTO_INCREMENT does. */
  readonly followsGiven: boolean;
}

/** Answered by the gateway itself: SET, SHOW of its own, USE, transactions. */
export interface SessionPlan {
  readonly kind: "session";
  readonly statement: Statement;
}

/** Temporary tables filled from the shards, and the statement run over them on one connection. */
export interface GatherPlan {
  readonly kind: "gather";
  /** Where the scratch connection is: any one shard of it. */
  readonly keyspace: string;
  /** Always the same one: sequences have one next value. */
  readonly onFirstShard: boolean;
  readonly sources: readonly GatherSource[];
  /** With the table names mapped. */
  readonly statement: Query;
  /** As it came, if any shard of `keyspace` has all its tables: gives the answer's columns. */
  readonly original: Query | undefined;
  /** Why no other tier answers it. */
  readonly reason: string;
  /** Locks rows: reads from primaries. */
  readonly writes: boolean;
  readonly effect: Effect;
}

/** One table reference of the statement. */
export interface GatherSource {
  readonly keyspace: string;
  readonly table: string;
  readonly partitions: readonly string[];
  readonly systemTime: SystemTime | undefined;
  /** What `where` and the mapped statement qualify its columns with. */
  readonly alias: string;
  /** What the client calls it: `alias` unless tables of several keyspaces are called so. */
  readonly shownAlias: string;
  readonly temporaryTable: string;
  readonly routing: Routing;
  readonly where: Expr | undefined;
  /** Lower-case names of the columns that may be needed. */
  readonly columns: ReadonlySet<string> | "all";
  /** Lower-case names of columns that its rows may be looked up by. */
  readonly lookups: ReadonlySet<string>;
  /** Columns that the shards compute. */
  readonly scores: readonly Score[];
  readonly locking: Locking | undefined;
}

/** A query of information_schema or the like. */
export interface CatalogPlan {
  readonly kind: "catalog";
  /** Where the scratch connection is: any one shard of it. */
  readonly keyspace: string;
  /** The query itself, no name of a system table without its schema. */
  readonly query: Query;
  readonly sources: readonly CatalogSource[];
  /** With the names of `sources` mapped. */
  readonly statement: Query;
  /** What fills temporary tables with rows of keyspaces' tables, and has the whole statement mapped. */
  readonly gather: GatherPlan | undefined;
  /** The query as it is, for a server that has all its rows; undefined when it names tables of keyspaces as well. */
  readonly send: SendPlan | undefined;
  /** Keyspaces it is about: when that is one, its shard has all rows. Undefined when it may be about any. */
  readonly filter: SchemaFilter | undefined;
  readonly effect: Effect;
}

/** One reference to a system table. */
export type CatalogSource = CatalogTableName &
  (
    | {
        readonly kind: "catalog";
        /** Names a row's keyspace. */
        readonly schemaColumn: string;
        /** Schemas of the server's own, whose rows count once. */
        readonly ownSchemas: readonly string[];
        /** Keyspaces whose rows it needs; undefined: all. */
        readonly filter: SchemaFilter | undefined;
        /** Rows that do not meet all of these are not needed. */
        readonly where: readonly Expr[];
        /** Needs values that are sums over a keyspace's shards. */
        readonly summed: boolean;
      }
    | { readonly kind: "gateway"; readonly rows: GatewayRows }
  );

export interface CatalogTableName {
  readonly schema: string;
  readonly table: string;
  readonly alias: string;
  readonly temporaryTable: string;
  /** Lower-case names of the columns that may be needed. */
  readonly columns: ReadonlySet<string> | "all";
}

export type Plan =
  | SendPlan
  | InsertPlan
  | InsertRowsPlan
  | ChangePlan
  | SessionPlan
  | GatherPlan
  | MergePlan
  | CatalogPlan;

/** What running a statement means for the session. */
export interface Effect {
  /** Changes data or takes locks: goes to a primary, never a replica. */
  readonly writes: boolean;
  /** Changes rows: what a read-only transaction refuses. */
  readonly changes?: boolean;
  /** It calls what may be a stored function, which may change rows. */
  readonly callsStored?: boolean;
  /** Commits an open transaction before it runs (DDL and such). */
  readonly commits: boolean;
  /** Opens a transaction when autocommit is off. */
  readonly touchesTables: boolean;
  /** Leaves state on the connection, which therefore has to be held for the session; names what. */
  readonly reserves: string | undefined;
  /** User variables it may set; names in lower case. */
  readonly assigns?: readonly string[];
  /** Functions that may be stored ones; lower-case names. */
  readonly storedCalls?: readonly string[];
  /** Triggers of the tables that it changes may set these, on each of its shards; as `variablesSetIn` has them. */
  readonly triggerVariables?: readonly string[];
  /** It may give LAST_INSERT_ID() another value, which no OK tells: by LAST_INSERT_ID(expression), in a procedure. */
  readonly setsInsertId?: boolean;
  /** And the one it has now may be read, or stay: the connection has to have it. */
  readonly mixesInsertIds?: boolean;
  /** It leaves the warnings of the statement before, if it has none of its own. */
  readonly keepsWarnings?: boolean;
  /** It reads the clock by NOW() or its like, which over several shards has to give one time. */
  readonly readsNow?: boolean;
  /** How FOUND_ROWS() is known after it; undefined: it stays as it was. */
  readonly foundRows?: FoundRows;
}

export type FoundRows =
  /** The rows sent. */
  | { readonly kind: "sent" }
  /** The rows sent and those that OFFSET has skipped; if none were sent, only the server knows. */
  | { readonly kind: "offset"; readonly offset: ValueRef }
  /**
   * Only the server knows. `isLikely`: not merely by accident, as of a write that reads other tables. `offset` is that of a
   * query whose rows, where a gateway counts them, are those sent and those skipped.
   */
  | { readonly kind: "asked"; readonly isLikely: boolean; readonly offset: ValueRef | undefined };
