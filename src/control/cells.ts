// Commands on cells: the names of data centres or zones that tablets belong to.

import { ShardgateError } from "../base/errors.ts";
import type { CellRecord } from "../topo/records.ts";
import { didYouMean } from "../vschema/did-you-mean.ts";
import type { ControlContext } from "./context.ts";

/** TOPO_NODE_EXISTS when there is one, CONFIG_BAD for what is no name. */
export async function addCellInfo(context: ControlContext, cell: string): Promise<void> {
  await context.topology.createCell({ name: cell });
}

/** Sorted. */
export function getCellInfoNames(context: ControlContext): Promise<string[]> {
  return context.topology.getCellNames();
}

/** TOPO_NO_NODE when there is none. */
export async function getCellInfo(context: ControlContext, cell: string): Promise<CellRecord> {
  await requireCell(context, cell);
  return context.topology.getCell(cell);
}

/** Refused with CONFIG_BAD while tablets are registered in the cell. */
export async function deleteCellInfo(context: ControlContext, cell: string): Promise<void> {
  await requireCell(context, cell);
  const tablets = await context.topology.getTablets(cell);
  if (tablets.length > 0) {
    const names = tablets.map((tablet) => tablet.alias).join(", ");
    throw new ShardgateError("CONFIG_BAD", `cell ${cell} still has tablets: ${names}; stop them first`);
  }
  await context.topology.deleteCell(cell);
}

async function requireCell(context: ControlContext, cell: string): Promise<void> {
  const names = await context.topology.getCellNames();
  if (names.includes(cell)) return;
  throw new ShardgateError("TOPO_NO_NODE", `cell ${cell} does not exist${didYouMean(cell, names)}`);
}
