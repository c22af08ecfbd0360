// Commands about table definitions, and the check of everything.

import { Option } from "commander";
import { applySchema, getSchema } from "../../control/schema.ts";
import { validate } from "../../control/validate.ts";
import { type Add, type Call, columns, EXIT, inputOf, seconds } from "./call.ts";

export function addSchemaCommands(add: Add): void {
  add(
    "ApplySchema <keyspace>",
    "Runs table definitions (DDL) on the primary of every shard, and tells how each fared.",
    async ({ context, terminal, flags, first: keyspace }: Call) => {
      const sql = await inputOf(terminal, "--sql", flags.sql, "--sql-file", flags.sqlFile);
      const result = await applySchema(context, keyspace, sql, {
        ...(flags.ddlTimeout === undefined ? {} : { timeoutMs: flags.ddlTimeout * 1_000 }),
        allowDifferences: flags.allowDifferences === true,
      });
      const rows = result.shards.map((each) => [
        each.shard,
        each.tablet,
        each.ok
          ? `ok, ${each.statements} run`
          : `failed: ${each.errno === undefined ? "" : `${each.errno}: `}${each.error}`,
        `${Math.round(each.elapsedMs)} ms`,
      ]);
      const code = { applied: EXIT.ok, partial: EXIT.partial, failed: EXIT.failed }[result.outcome];
      return { json: result, text: columns(["SHARD", "TABLET", "OUTCOME", "TIME"], rows), code };
    },
    [
      new Option("--sql <statements>", "the statements themselves"),
      new Option("--sql-file <file>", "file with the statements; - reads standard input"),
      new Option(
        "--ddl-timeout <seconds>",
        "bound of the statements on each shard, in seconds (default: 3600)",
      ).argParser(seconds),
      new Option("--allow-differences", "run even if the shards' definitions differ now"),
    ],
  );
  add(
    "GetSchema <target>",
    "Prints the table definitions of a keyspace, a keyspace/shard or a tablet, and what differs between shards.",
    async ({ context, flags, first: target }: Call) => {
      const result = await getSchema(context, target, flags.tables ?? []);
      const definitions = (result.shards[0]?.tables ?? []).map((table) => `${table.createStatement};\n`).join("\n");
      const differences = result.differences.map((difference) => `-- ${difference}\n`).join("");
      return { json: result, text: `${definitions}${differences}` };
    },
    [
      new Option("--tables <names>", "only these, with commas between").argParser((text) =>
        text.split(",").filter((name) => name !== ""),
      ),
    ],
  );
  add(
    "Validate [keyspace]",
    "Checks that shards cover every row, primaries serve, tablets answer, and tables are as the VSchemas say.",
    async ({ context, first }: Call) => {
      const problems = await validate(context, first === "" ? {} : { keyspace: first });
      const errors = problems.filter((problem) => problem.severity === "error").length;
      const lines = problems.map((each) => `${each.severity}: ${each.place}: ${each.message}\n`).join("");
      const verdict =
        problems.length === 0 ? "No problem found.\n" : `${errors} errors, ${problems.length - errors} warnings.\n`;
      return { json: { problems }, text: `${lines}${verdict}`, code: errors > 0 ? EXIT.failed : EXIT.ok };
    },
  );
}
