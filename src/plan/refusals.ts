// What no write to a sharded table may do yet; shared by the plans of INSERT, UPDATE and DELETE.

import { notSupported } from "../base/errors.ts";
import type { TableVSchema } from "../vschema/model.ts";

/** Throws 1235 for reference tables and tables with owned lookup vindexes. */
export function refuseUnwritable(verb: string, table: TableVSchema | undefined): void {
  if (table === undefined) return;
  if (table.type === "reference") throw notSupported(`${verb} of reference table ${table.name}`);
  const lookup = table.columnVindexes.find(({ vindex, owned }) => owned && vindex.kind === "lookup");
  if (lookup !== undefined) {
    throw notSupported(`${verb} of table ${table.name} with lookup vindex ${lookup.name}`);
  }
}
