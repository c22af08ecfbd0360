// Commands about query rules.

import { Option } from "commander";
import { applyQueryRules, getQueryRules, storedRules } from "../../control/query-rules.ts";
import { goodVSchemas } from "../../control/vschema.ts";
import { readRulesText, rulesOf } from "../../rules/read-rules.ts";
import { trialText, tryRules } from "../try-rules.ts";
import { type Add, type Call, inputOf, outcomeText, UsageError, wholeNumber } from "./call.ts";

export function addQueryRuleCommands(add: Add): void {
  add(
    "GetQueryRules",
    "Prints the query rules; with --json also their revision, which ApplyQueryRules can ask for.",
    async ({ context }: Call) => {
      const { rules, revision } = await getQueryRules(context);
      return { json: { rules, revision: revision ?? 0 }, text: `${JSON.stringify({ rules }, undefined, 2)}\n` };
    },
  );
  add(
    "ApplyQueryRules",
    "Checks query rules and puts them in place of the stored ones; prints what changes.",
    async ({ context, terminal, flags }: Call) => {
      const text = await inputOf(terminal, "--rules", flags.rules, "--rules-file", flags.rulesFile);
      const result = await applyQueryRules(context, text, {
        dryRun: flags.dryRun === true,
        ...(flags.revision === undefined ? {} : { base: { revision: flags.revision || undefined } }),
      });
      const warnings = result.warnings.map((warning) => `warning: ${warning.path}: ${warning.message}\n`).join("");
      return {
        json: result,
        text: `${result.diff}${warnings}${outcomeText(result.outcome, "The set of query rules")}`,
      };
    },
    [
      new Option("--rules <json>", "the rules themselves"),
      new Option("--rules-file <file>", "file with the rules; - reads standard input"),
      new Option("--revision <number>", "only if the stored ones have this revision; 0: if there are none").argParser(
        wholeNumber,
      ),
      new Option("--dry-run", "only check and print what would change"),
    ],
  );
  add(
    "QueryRulesTest",
    "Tells which query rules apply to a statement and what they do, without running anything.",
    async ({ context, terminal, flags }: Call) => {
      if (flags.sql === undefined) throw new UsageError("give --sql");
      const isStored = flags.rules === undefined && flags.rulesFile === undefined;
      const rules = isStored
        ? await storedRules(context)
        : rulesOf(readRulesText(await inputOf(terminal, "--rules", flags.rules, "--rules-file", flags.rulesFile)));
      const { sql, user = "root", source = "127.0.0.1", keyspace } = flags;
      const trial = tryRules(rules, { sql, user, source, keyspace }, await goodVSchemas(context));
      return { json: trial, text: trialText(trial) };
    },
    [
      new Option("--sql <statement>", "the statement"),
      new Option("--user <name>", "who sends it").default("root"),
      new Option("--source <address>", "from where; localhost: by a Unix socket").default("127.0.0.1"),
      new Option("--keyspace <keyspace>", "what is selected"),
      new Option("--rules <json>", "rules to try instead of those that are stored"),
      new Option("--rules-file <file>", "file with such rules; - reads standard input"),
    ],
  );
}
