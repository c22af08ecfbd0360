// The import rules of the house: reads the table in src/README.md and fails on any edge it does not list, type-only
// imports included. Also keeps the layout habits that a machine can check.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const src = join(root, "src");
const files = walk(src).filter((file) => file.endsWith(".ts"));
const table = readTable();

describe("layout", () => {
  test("every folder of src has its row in the table", () => {
    const folders = readdirSync(src).filter((name) => statSync(join(src, name)).isDirectory());
    expect(folders.length).toBeGreaterThan(5);
    expect(folders.filter((name) => !table.has(name))).toEqual([]);
  });

  test("imports follow the table", () => {
    const wrong: string[] = [];
    for (const file of files) {
      const from = folderOf(file);
      for (const target of importsOf(file)) {
        if (!target.startsWith(".")) continue;
        const to = folderOf(resolve(dirname(file), target));
        const allowed = table.get(from);
        if (to === from || to === "base" || allowed === "everything" || allowed?.has(to)) continue;
        wrong.push(`${relative(root, file)} imports ${to}/ (${target})`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("a third-party package is imported by its adaptor only", () => {
    const adaptors: Record<string, RegExp> = {
      etcd3: /^topo\/etcd\.ts$/,
      "@grpc/grpc-js": /^rpc\//,
      "@grpc/proto-loader": /^rpc\//,
      "node-sql-parser": /^schema\/ddl\.ts$/,
      pino: /^base\/log\.ts$/,
      commander: /^bin\//,
      "xxhash-wasm": /^vschema\//,
      re2js: /^rules\/pattern\.ts$/,
    };
    const wrong: string[] = [];
    for (const file of files) {
      const path = relative(src, file);
      for (const target of importsOf(file)) {
        const allowed = adaptors[target];
        if (allowed !== undefined && !allowed.test(path)) wrong.push(`${path} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("files are kebab-case, open with a comment, carry .ts in imports, and have no vague names", () => {
    const wrong: string[] = [];
    for (const file of files) {
      const path = relative(src, file);
      const text = readFileSync(file, "utf8");
      const start = text.startsWith("#!") ? text.slice(text.indexOf("\n") + 1) : text;
      if (!/^[a-z0-9-]+(\.d)?\.ts$/.test(path.split("/").at(-1) ?? "")) wrong.push(`${path}: not kebab-case`);
      if (!/^\s*(\/\/|\/\*\*?)/.test(start)) wrong.push(`${path}: no opening comment`);
      if (/\/(utils?|helpers?|common|index)(\/|\.ts$)/.test(`/${path}`)) wrong.push(`${path}: vague name`);
      for (const target of importsOf(file)) {
        if (target.startsWith(".") && !/\.(ts|json)$/.test(target)) wrong.push(`${path}: import ${target} lacks .ts`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

function readTable(): Map<string, Set<string> | "everything"> {
  const text = readFileSync(join(src, "README.md"), "utf8");
  const rows = new Map<string, Set<string> | "everything">();
  for (const line of text.split("\n")) {
    const match = /^\| `([a-z]+)\/` \| .* \| ([^|]*) \|$/.exec(line);
    if (match === null) continue;
    const [, folder, imports] = match;
    if (folder === undefined || imports === undefined) continue;
    if (imports.trim() === "everything") rows.set(folder, "everything");
    else rows.set(folder, new Set(imports.replaceAll(/\([^)]*\)/g, "").match(/[a-z]+/g) ?? []));
  }
  return rows;
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const found: string[] = [];
  for (const match of text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"/g))
    found.push(match[1] ?? "");
  for (const match of text.matchAll(/\bimport\("([^"]+)"\)/g)) found.push(match[1] ?? "");
  for (const match of text.matchAll(/(?:^|\n)import\s+"([^"]+)"/g)) found.push(match[1] ?? "");
  return found;
}

function folderOf(path: string): string {
  return relative(src, path).split("/")[0] ?? "";
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}
