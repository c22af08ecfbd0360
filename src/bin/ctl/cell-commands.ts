// Commands about cells.

import { Option } from "commander";
import { addCellInfo, deleteCellInfo, getCellInfo, getCellInfoNames } from "../../control/cells.ts";
import { type Add, type Call, unlessThere } from "./call.ts";

export function addCellCommands(add: Add): void {
  add(
    "AddCellInfo <cell>",
    "Adds a cell.",
    async ({ context, flags, first: cell }: Call) => {
      const added = await unlessThere(flags, async () => {
        await addCellInfo(context, cell);
        return true;
      });
      const text = added === true ? `Cell ${cell} is created.\n` : `Cell ${cell} was there already.\n`;
      return { json: { cell, created: added === true }, text };
    },
    [new Option("--if-not-exists", "no error when it exists")],
  );
  add("GetCellInfoNames", "Lists the cells.", async ({ context }: Call) => {
    const names = await getCellInfoNames(context);
    return { json: names, text: names.map((name) => `${name}\n`).join("") };
  });
  add("GetCellInfo <cell>", "Shows a cell.", async ({ context, first: cell }: Call) => {
    const info = await getCellInfo(context, cell);
    return { json: info, text: `${info.name}\n` };
  });
  add("DeleteCellInfo <cell>", "Removes a cell that has no tablets.", async ({ context, first: cell }: Call) => {
    await deleteCellInfo(context, cell);
    return { json: { cell, deleted: true }, text: `Cell ${cell} is deleted.\n` };
  });
}
