// The command tree of `shardgate`, for the executable and for the test that compares it with the README. Each subcommand
// is loaded when it is asked for: a tablet does not carry the gateway, and an operator's command starts quickly.

import { readFileSync } from "node:fs";
import { Command } from "commander";

const SUBCOMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["gateway", async () => (await import("./gateway.ts")).gatewayCommand()],
  ["tablet", async () => (await import("./tablet.ts")).tabletCommand()],
  ["ctl", async () => (await import("./ctl.ts")).ctlCommand()],
  ["local", async () => (await import("./local.ts")).localCommand()],
  ["explain", async () => (await import("./explain.ts")).explainCommand()],
  ["hash-password", async () => (await import("./hash-password.ts")).hashPasswordCommand()],
]);

/** The whole tree, or only the subcommand `name` below the root if there is such a one. */
export async function shardgateCommand(name?: string): Promise<Command> {
  const program = new Command("shardgate")
    .description("Many MySQL servers behind one address: gateway, tablets and operators' commands.")
    .version(version(), "--version", "print the version")
    .showHelpAfterError("(shardgate --help shows the commands)");
  const only = name === undefined ? undefined : SUBCOMMANDS.get(name);
  const wanted = only === undefined ? [...SUBCOMMANDS.values()] : [only];
  for (const load of wanted) program.addCommand(await load());
  return program;
}

function version(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const found = typeof parsed === "object" && parsed !== null && "version" in parsed ? parsed.version : undefined;
  return typeof found === "string" ? found : "0.0.0";
}
