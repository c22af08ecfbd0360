// Statements that the gateway's grammar refuses and a server reads, where all of them may be left to that server: an unsharded
// keyspace is selected, and nothing in the text is about other keyspaces, the session or the server. Knows words, no grammar.

import { UNREAD_CHANGE, UNREAD_DEFINITION, UNREAD_QUERY } from "../../plan/effects.ts";
import { SYSTEM_SCHEMAS } from "../../plan/tables.ts";
import { decodeSql } from "../../sql/encoding.ts";
import { T, tokenize, type Tokens } from "../../sql/lexer.ts";
import type { Admin } from "../../sql/tree.ts";
import type { ClusterVSchema } from "../../vschema/model.ts";
import type { SessionState } from "../session/session-state.ts";

/** Undefined: it stays refused. Statements of prepared ones are not meant. */
export function unreadStatement(
  sql: Buffer,
  { target, settings, sqlMode }: Pick<SessionState, "target" | "settings" | "sqlMode">,
  vschema: ClusterVSchema,
): Admin | undefined {
  const { keyspace: selected, shard } = target;
  if (selected === undefined || shard !== undefined || settings.rowLimit !== undefined) return undefined;
  const keyspace = vschema.keyspaces.get(selected);
  if (keyspace === undefined || keyspace.sharded) return undefined;
  if (vschema.routingRules.length + vschema.keyspaceRoutingRules.length + vschema.mirrorRules.length > 0)
    return undefined;
  // Ids of sequences are the gateway's to give.
  if ([...keyspace.tables.values()].some(({ autoIncrement }) => autoIncrement !== undefined)) return undefined;
  const tokens = tokenize(decodeSql(sql), sqlMode);
  const words = wordsOf(tokens);
  const verb = verbOf(words);
  if (verb === undefined) return undefined;
  const others = [...vschema.keyspaces.keys(), ...SYSTEM_SCHEMAS].filter((name) => name !== selected);
  const elsewhere = new Set(others.map((name) => name.toLowerCase()));
  for (const [i, word] of words.entries()) {
    const kind = tokens.kinds[i] ?? T.error;
    // `@@variable` begins with an operator.
    if (kind === T.error || kind === T.param || (kind === T.op && word.startsWith("@"))) return undefined;
    const next = words[i + 1];
    if (next === "." && elsewhere.has(word)) return undefined;
    if (kind !== T.word && kind !== T.keyword) continue;
    if (REFUSED_WORDS.has(word) || (next === "(" && REFUSED_FUNCTIONS.has(word))) return undefined;
  }
  const { text } = tokens;
  return { kind: "admin", verb, tables: [], text, pos: 0 };
}

/** Quoted names without their quotes; all in lower case. */
function wordsOf({ text, kinds, starts, ends }: Tokens): string[] {
  const words: string[] = [];
  for (let i = 0; i < kinds.length && kinds[i] !== T.eof; i++) {
    const word = text.slice(starts[i], ends[i]).toLowerCase();
    words.push(kinds[i] === T.quoted ? word.slice(1, -1) : word);
  }
  return words;
}

function verbOf(words: readonly string[]): string | undefined {
  const first = words.find((word) => word !== "(") ?? "";
  if (QUERIES.has(first)) return UNREAD_QUERY;
  if (CHANGES.has(first)) return UNREAD_CHANGE;
  if (first !== "create" && first !== "alter" && first !== "drop") return undefined;
  const object = words.slice(1).find((word) => OBJECTS.has(word) || OTHER_OBJECTS.has(word));
  return object !== undefined && OBJECTS.has(object) ? UNREAD_DEFINITION : undefined;
}

const QUERIES: ReadonlySet<string> = new Set(["select", "values", "explain", "describe", "desc"]);
const CHANGES: ReadonlySet<string> = new Set(["insert", "replace", "update", "delete", "with"]);
const OBJECTS: ReadonlySet<string> = new Set(["table", "index", "view", "sequence"]);
/** Also what makes something else of the words behind it. */
const OTHER_OBJECTS: ReadonlySet<string> = new Set(
  (
    "temporary database schema user role server event function procedure package trigger tablespace instance logfile " +
    "undo resource vschema vitess_migration account"
  ).split(" "),
);

/** What has to be the session's own, is kept on a connection, or is a server's file. */
const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    "last_insert_id found_rows row_count get_lock release_lock release_all_locks is_free_lock is_used_lock connection_id " +
    "database schema user session_user system_user lastval load_file"
  ).split(" "),
);
const REFUSED_WORDS: ReadonlySet<string> = new Set(
  "current_user current_role outfile dumpfile sql_calc_found_rows previous".split(" "),
);
