// What CREATE TABLE and ALTER TABLE say of columns, keys and character sets, as data: what a reader of schema files needs,
// and what decides whether shards can each hold to it.
// Defaults, checks, comments, storage options and partitions are read and left out. Not part of the tree that is walked or
// printed: a definition is carried on as text.

import type { ObjectName } from "./tree.ts";

export interface TableDefinition {
  /** In the order of the text. CREATE TABLE has `add-column` and `add-key` only. */
  readonly changes: readonly TableChange[];
  /** Those that are added. */
  readonly foreignKeys: readonly ForeignKeyDefinition[];
  /** DEFAULT CHARACTER SET and COLLATE of the table, lower case; undefined when not given. */
  readonly charset: string | undefined;
  readonly collation: string | undefined;
  /** The COMMENT of the table. */
  readonly comment: string | undefined;
  /** The column list of a view. */
  readonly viewColumns: readonly string[];
}

export type TableChange =
  | {
      readonly kind: "add-column";
      readonly column: ColumnDefinition;
      readonly place: ColumnPlace | undefined;
      readonly ifNotExists: boolean;
    }
  | { readonly kind: "add-key"; readonly key: KeyDefinition }
  /** CHANGE and MODIFY; MODIFY keeps the name. */
  | {
      readonly kind: "change-column";
      readonly name: string;
      readonly column: ColumnDefinition;
      readonly place: ColumnPlace | undefined;
    }
  | { readonly kind: "rename-column"; readonly from: string; readonly to: string }
  | { readonly kind: "drop-column"; readonly name: string }
  | { readonly kind: "show-column"; readonly name: string; readonly visible: boolean }
  | { readonly kind: "rename-key"; readonly from: string; readonly to: string }
  /** The primary key is called PRIMARY. */
  | { readonly kind: "drop-key"; readonly name: string }
  /** CONVERT TO CHARACTER SET: of all text columns. */
  | { readonly kind: "convert"; readonly charset: string | undefined; readonly collation: string | undefined };

export type ColumnPlace = { readonly kind: "first" } | { readonly kind: "after"; readonly name: string };

export interface TypeDefinition {
  /** Lower case, as written, without what follows: `int`, `integer`, `national`, `long varchar`, `double`. */
  readonly name: string;
  readonly length: string | undefined;
  readonly scale: string | undefined;
  /** Of ENUM and SET. */
  readonly values: readonly string[];
  readonly unsigned: boolean;
  readonly zerofill: boolean;
  /** Lower case; `ascii`, `unicode` and `byte` where those words stand. */
  readonly charset: string | undefined;
  /** The character set's binary collation is asked for by BINARY. */
  readonly binary: boolean;
}

export interface ColumnDefinition {
  readonly name: string;
  readonly type: TypeDefinition;
  readonly collation: string | undefined;
  /** Undefined when neither NULL nor NOT NULL is said. */
  readonly nullable: boolean | undefined;
  readonly autoIncrement: boolean;
  readonly invisible: boolean;
  readonly generated: boolean;
  readonly key: "primary" | "unique" | undefined;
}

export interface KeyDefinition {
  readonly kind: "primary" | "unique" | "plain" | "fulltext" | "spatial";
  readonly name: string | undefined;
  /** Undefined where an expression stands. */
  readonly columns: readonly (string | undefined)[];
}

export interface ForeignKeyDefinition {
  /** Of the constraint, else of the key. */
  readonly name: string | undefined;
  /** Undefined where an expression stands. */
  readonly columns: readonly (string | undefined)[];
  readonly parent: ObjectName;
  /** Empty when they are not named. */
  readonly parentColumns: readonly (string | undefined)[];
  /** ON DELETE or ON UPDATE deletes or changes rows of the table itself. */
  readonly changesRows: boolean;
}
