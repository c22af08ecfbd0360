// Commands about VSchemas, their vindexes and routing rules.

import { readFileSync } from "node:fs";
import { Option } from "commander";
import { ShardgateError } from "../../base/errors.ts";
import type { ControlContext } from "../../control/context.ts";
import { applyRoutingRules, getRoutingRules } from "../../control/routing-rules.ts";
import { applyVSchema, getVSchema, goodVSchemas } from "../../control/vschema.ts";
import { withServer } from "../../local/server-connection.ts";
import { routingRulesJson } from "../../topo/records.ts";
import { editVSchema } from "../edit-vschema.ts";
import { type VindexVerification, verifyVindex } from "../vindex-verify.ts";
import { type Add, type Call, type CtlFlags, EXIT, inputOf, outcomeText, UsageError } from "./call.ts";

export function addVSchemaCommands(add: Add): void {
  add("GetVSchema <keyspace>", "Prints the VSchema of a keyspace.", async ({ context, first: keyspace }: Call) => {
    const { json } = await getVSchema(context, keyspace);
    return { json, text: `${JSON.stringify(json, undefined, 2)}\n` };
  });
  add(
    "ApplyVSchema <keyspace>",
    "Checks a VSchema and puts it in place of the stored one; prints what changes.",
    async ({ context, terminal, flags, first: keyspace }: Call) => {
      const text = await inputOf(terminal, "--vschema", flags.vschema, "--vschema-file", flags.vschemaFile);
      const result = await applyVSchema(context, keyspace, text, { dryRun: flags.dryRun === true });
      const warnings = result.warnings.map((warning) => `warning: ${warning.path}: ${warning.message}\n`).join("");
      return {
        json: result,
        text: `${result.diff}${warnings}${outcomeText(result.outcome, `The VSchema of ${keyspace}`)}`,
      };
    },
    [
      new Option("--vschema <json>", "the VSchema itself"),
      new Option("--vschema-file <file>", "file with the VSchema; - reads standard input"),
      new Option("--dry-run", "only check and print what would change"),
    ],
  );
  add(
    "EditVSchema <keyspace>",
    "Opens the VSchema in $VISUAL or $EDITOR, checks it, prints what changes and applies it if no one else was faster.",
    async ({ context, terminal, flags, first: keyspace }: Call) => {
      const result = await editVSchema(context, terminal, keyspace, { sure: flags.yes === true });
      if (result.outcome !== "given-up") {
        return { json: result, text: outcomeText(result.outcome, `The VSchema of ${keyspace}`) };
      }
      return { json: result, text: `Nothing is applied. Your text is in ${result.keptIn}\n`, code: EXIT.failed };
    },
    [new Option("--yes", "apply without asking when it has no fault")],
  );
  add(
    "VindexVerify <keyspace.vindex>",
    "Compares a lookup vindex's table with its owner's rows, through a gateway; tells, or repairs, what has drifted.",
    async ({ context, flags, first }: Call) => {
      const found = await verifyThrough(context, first, flags);
      const lines = found.faults.map(({ kind, value, keyspaceId, repaired }) => {
        return `${kind}${repaired ? ", repaired" : ""}: ${value} at keyspace id ${keyspaceId}\n`;
      });
      const counts = `${found.rows} rows of ${found.owner}, ${found.lookupRows} lookup rows, ${found.faults.length} faults\n`;
      const isBad = found.faults.some(({ repaired }) => !repaired);
      return { json: found, text: `${lines.join("")}${counts}`, code: isBad ? EXIT.failed : EXIT.ok };
    },
    [
      new Option("--gateway <host:port>", "the gateway to ask; default: any that is registered"),
      new Option("--user <name>", "who logs in there").default("root"),
      new Option("--password-file <file>", "file with the password"),
      new Option("--repair", "put right what has drifted"),
    ],
  );
  add("GetRoutingRules", "Prints the routing rules.", async ({ context }: Call) => {
    const { rules } = await getRoutingRules(context);
    const json = { rules: routingRulesJson(rules) };
    return { json, text: `${JSON.stringify(json, undefined, 2)}\n` };
  });
  add(
    "ApplyRoutingRules",
    "Replaces all routing rules; prints what changes.",
    async ({ context, terminal, flags }: Call) => {
      const text = await inputOf(terminal, "--rules", flags.rules, "--rules-file", flags.rulesFile);
      const result = await applyRoutingRules(context, text, { dryRun: flags.dryRun === true });
      return { json: result, text: `${result.diff}${outcomeText(result.outcome, "The set of routing rules")}` };
    },
    [
      new Option("--rules <json>", "the rules themselves"),
      new Option("--rules-file <file>", "file with the rules; - reads standard input"),
      new Option("--dry-run", "only check and print what would change"),
    ],
  );
}

async function verifyThrough(
  context: ControlContext,
  name: string,
  { gateway, user, passwordFile, repair }: CtlFlags,
): Promise<VindexVerification> {
  const dot = name.indexOf(".");
  if (dot < 0) throw new UsageError(`a vindex is named as keyspace.vindex, not ${name}`);
  const keyspace = (await goodVSchemas(context)).get(name.slice(0, dot));
  if (keyspace === undefined) throw new ShardgateError("TOPO_NO_NODE", `keyspace ${name.slice(0, dot)} has no VSchema`);
  const listen = gateway ?? (await context.topology.getGateways())[0]?.listen;
  if (listen === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", "no gateway is registered: give --gateway");
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replaceAll(/[[\]]/g, "");
  const address = {
    host: host === "0.0.0.0" || host === "::" || host === "" ? "127.0.0.1" : host,
    port: Number(listen.slice(colon + 1)),
    ...(user === undefined ? {} : { user }),
    ...(passwordFile === undefined ? {} : { password: readFileSync(passwordFile, "utf8").trimEnd() }),
  };
  return withServer(address, (server) => verifyVindex(server, keyspace, name.slice(dot + 1), repair === true));
}
