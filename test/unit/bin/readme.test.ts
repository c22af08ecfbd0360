// The tables of flags in the README are those of `--help`, for every subcommand. UPDATE_GOLDEN=1 rewrites them.

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command, Option } from "commander";
import { expect, test } from "vitest";
import { shardgateCommand } from "../../../src/bin/program.ts";

const README = resolve(import.meta.dirname, "../../../README.md");
const BLOCK = /(<!-- flags: [^\n]*-->\n)([\s\S]*?)(<!-- \/flags -->)/;

test("the README's tables of flags are those of --help", async () => {
  const text = readFileSync(README, "utf8");
  const [, , found] = BLOCK.exec(text) ?? [];
  const wanted = `${render(await shardgateCommand())}\n`;
  if (process.env["UPDATE_GOLDEN"] === "1") {
    writeFileSync(
      README,
      text.replace(BLOCK, (_, open: string, __, close: string) => `${open}${wanted}${close}`),
    );
  } else {
    expect(found, "run UPDATE_GOLDEN=1 npx vitest run test/unit/bin/readme.test.ts").toBe(wanted);
  }
});

test("every flag has a sentence", async () => {
  const silent = [await shardgateCommand()]
    .flatMap(withDescendants)
    .flatMap((command) => optionsOf(command).map((option) => ({ command: command.name(), option })))
    .filter(({ option }) => option.description === "");
  expect(silent.map(({ command, option }) => `${command} ${option.flags}`)).toEqual([]);
});

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

function render(program: Command): string {
  const parts: string[] = [];
  for (const command of program.commands) {
    parts.push(`### \`shardgate ${command.name()}\``, sentence(command.summary() || command.description()));
    const options = optionsOf(command);
    if (options.length > 0) parts.push(table(["flag", "meaning", "default"], options.map(cells)));
    if (command.commands.length === 0) continue;
    const usages = command.commands.map((below) => {
      const names = below.registeredArguments.map((argument) =>
        argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
      );
      return [`\`${[below.name(), ...names].join(" ")}\``, below.description().replaceAll("\n", " ")];
    });
    parts.push(table(["command", "what it does"], usages));
    const flags = command.commands.flatMap((below) =>
      optionsOf(below).map((option) => [`\`${below.name()}\``, ...cells(option)]),
    );
    parts.push(table(["command", "flag", "meaning", "default"], flags));
  }
  return parts.join("\n\n");
}

/** A Markdown table, its columns padded as the formatter wants them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const texts = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[], fill: string) =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width, fill)).join(" | ")} |`;
  const [first = [], ...rest] = texts;
  return [line(first, " "), line([], "-"), ...rest.map((row) => line(row, " "))].join("\n");
}

function optionsOf(command: Command): Option[] {
  return command.options.filter((option) => !option.hidden && option.long !== "--help");
}

function cells(option: Option): [string, string, string] {
  const choices = option.argChoices === undefined ? "" : `: ${option.argChoices.join(", ")}`;
  // A default that code fills in later stands in the text.
  const [whole = "", told = ""] = / \(default: ([^()]*)\)$/.exec(option.description) ?? [];
  const text = option.description.slice(0, option.description.length - whole.length);
  const value = option.defaultValueDescription ?? (told === "" ? plain(option.defaultValue) : told);
  const defaults = [value, option.envVar === undefined ? "" : `\`${option.envVar}\``].filter((part) => part !== "");
  return [`\`${option.flags}\``, `${text}${choices}`, defaults.join(", or ")];
}

function plain(value: unknown): string {
  if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
