// `ctl EditVSchema`: the stored VSchema in the operator's editor, checked, compared, asked for, applied by compare-and-set.
// Whatever goes wrong, the text is not lost: the editor opens again with it, or it stays in a file that is named.
//
//   edit ──► check ──(faults)──► edit again?          apply ──(someone was faster)──► show theirs, edit again?
//              └──► diff ──► apply? ──(yes)──► apply ─┘  └──► done

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { ControlContext } from "../control/context.ts";
import type { ApplyVSchemaResult, StoredVSchema } from "../control/vschema.ts";
import { applyVSchema, getVSchema } from "../control/vschema.ts";
import type { Terminal } from "./terminal.ts";

export interface EditResult {
  readonly keyspace: string;
  readonly outcome: "applied" | "unchanged" | "given-up";
  readonly diff: string;
  /** Where the operator's text was left when it was not applied. */
  readonly keptIn: string | undefined;
}

/** `sure`: apply without asking when all is well. */
export async function editVSchema(
  context: ControlContext,
  terminal: Terminal,
  keyspace: string,
  options: { readonly sure?: boolean } = {},
): Promise<EditResult> {
  let base = await getVSchema(context, keyspace);
  const folder = mkdtempSync(join(tmpdir(), "shardgate-edit-"));
  const file = join(folder, `${keyspace}.vschema.json`);
  const firstText = textOf(base);
  writeFileSync(file, firstText, { mode: 0o600 });
  terminal.err(`Editing ${file}\n`);
  const giveUp = (): EditResult => ({ keyspace, outcome: "given-up", diff: "", keptIn: file });
  const unchanged = (): EditResult => {
    rmSync(folder, { recursive: true });
    return { keyspace, outcome: "unchanged", diff: "", keptIn: undefined };
  };

  for (;;) {
    const code = await terminal.edit(file);
    if (code !== 0) {
      terminal.err(`The editor ended with exit code ${code}.\n`);
      if (!(await wants(terminal, "Edit again?"))) return giveUp();
      continue;
    }
    const text = readFileSync(file, "utf8");
    if (text === firstText && textOf(base) === firstText) return unchanged();

    let preview: ApplyVSchemaResult;
    try {
      preview = await applyVSchema(context, keyspace, text, { dryRun: true, base });
    } catch (error) {
      const next = await explain(context, terminal, folder, base, error);
      if (next === undefined) return giveUp();
      base = next;
      continue;
    }
    if (preview.outcome === "unchanged") return unchanged();
    terminal.err(preview.diff === "" ? "No difference in meaning.\n" : preview.diff);
    for (const warning of preview.warnings) terminal.err(`warning: ${warning.path}: ${warning.message}\n`);
    if (options.sure !== true) {
      const answer = await terminal.ask(`Apply to keyspace ${keyspace}? [y]es, [e]dit again, [n]o: `);
      if (/^e/i.test(answer ?? "")) continue;
      if (!/^y/i.test(answer ?? "")) return giveUp();
    }
    try {
      const result = await applyVSchema(context, keyspace, text, { base });
      if (result.outcome === "unchanged") return unchanged();
      rmSync(folder, { recursive: true });
      return { keyspace, outcome: "applied", diff: result.diff, keptIn: undefined };
    } catch (error) {
      const next = await explain(context, terminal, folder, base, error);
      if (next === undefined) return giveUp();
      base = next;
    }
  }
}

/** Tells what is wrong and asks whether to edit again; resolves to the VSchema to start from then, or to undefined. */
async function explain(
  context: ControlContext,
  terminal: Terminal,
  folder: string,
  base: StoredVSchema,
  error: unknown,
): Promise<StoredVSchema | undefined> {
  terminal.err(`${messageOf(error)}\n`);
  if (error instanceof ShardgateError && error.id === "TOPO_BAD_VERSION") {
    const theirs = await getVSchema(context, base.keyspace);
    const file = join(folder, `${base.keyspace}.vschema.theirs.json`);
    writeFileSync(file, textOf(theirs), { mode: 0o600 });
    terminal.err(`The VSchema as it is now is in ${file}; yours would replace it. Bring their change into yours.\n`);
    return (await wants(terminal, "Edit again?")) ? theirs : undefined;
  }
  return (await wants(terminal, "Edit again?")) ? base : undefined;
}

/** Yes unless the answer begins with n, or there is none. */
async function wants(terminal: Terminal, question: string): Promise<boolean> {
  const answer = await terminal.ask(`${question} [Y/n] `);
  return answer !== undefined && !/^n/i.test(answer);
}

function textOf(stored: StoredVSchema): string {
  const json = stored.revision === undefined ? { sharded: false, vindexes: {}, tables: {} } : stored.json;
  return `${JSON.stringify(json, undefined, 2)}\n`;
}
