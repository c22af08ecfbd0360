// A NULL of a column's type, for rows that are shipped to where the column's table is not. CAST has fewer types than
// columns have: integers widen to 64 bits, which changes no value and no comparison.

import type { ColumnSchema } from "../schema/model.ts";
import type { CastType, Expr } from "../sql/tree.ts";

/** Undefined for types whose values would not be the same: ENUM, SET, FLOAT, BIT, JSON and the geometric ones. */
export function castTo({ dataType, columnType, unsigned, collation, charset }: ColumnSchema): Expr | undefined {
  const [length, scale] = /\((\d+)(?:,(\d+))?\)/.exec(columnType)?.slice(1) ?? [];
  switch (dataType) {
    case "tinyint":
    case "smallint":
    case "mediumint":
    case "int":
    case "bigint":
      return castNull(unsigned ? "unsigned" : "signed", undefined, undefined);
    case "year":
      return castNull("unsigned", undefined, undefined);
    case "decimal":
      return castNull("decimal", length ?? "10", scale ?? "0");
    case "double":
      return castNull("double", undefined, undefined);
    case "date":
      return castNull("date", undefined, undefined);
    case "time":
      return castNull("time", length, undefined);
    case "datetime":
    case "timestamp":
      return castNull("datetime", length, undefined);
    case "binary":
    case "varbinary":
      return castNull("binary", length, undefined);
    case "tinyblob":
    case "blob":
    case "mediumblob":
    case "longblob":
      return castNull("binary", undefined, undefined);
    case "char":
    case "varchar":
    case "tinytext":
    case "text":
    case "mediumtext":
    case "longtext": {
      if (collation === undefined || charset === undefined) return undefined;
      const text = castNull("char", dataType.endsWith("text") ? undefined : length, undefined);
      return {
        kind: "collate",
        expr: { kind: "convertUsing", expr: text, charset, pos: 0 },
        collation,
        pos: 0,
      };
    }
    default:
      return undefined;
  }
}

function castNull(name: string, length: string | undefined, scale: string | undefined): Expr {
  const expr: Expr = { kind: "literal", type: "null", value: "null", introducer: undefined, pos: 0 };
  const type: CastType = {
    kind: "castType",
    name,
    length,
    scale,
    unsigned: false,
    zerofill: false,
    charset: undefined,
    collation: undefined,
    array: false,
    pos: 0,
  };
  return { kind: "cast", expr, type, atTimeZone: undefined, pos: 0 };
}
