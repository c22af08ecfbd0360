// What a program (a trigger, function or procedure) may leave in its session, read from its text without a grammar: user
// variables in front of an equals sign, behind INTO and among a CALL's arguments, and whether it sets a variable of the
// session's own. What is only compared may be among it. Also which programs a text may run: whatever it has the name of.

/** Stands among the names for variables of the session's own (sort_buffer_size, …), whichever. */
export const SYSTEM_VARIABLES = "@@";

/** Stands among the names where a user variable that is set may be read before, as the row before has left it. */
export const CARRIES_OVER = "@";

/** Names in lower case, each once. `body` is ACTION_STATEMENT or ROUTINE_DEFINITION of information_schema. */
export function variablesSetIn(body: string): readonly string[] {
  const found = new Set<string>();
  if (body.includes("@")) {
    for (const [, name = ""] of body.matchAll(ASSIGNED)) found.add(plain(name));
    for (const [list] of body.matchAll(HANDED_OVER)) {
      for (const [, name = ""] of list.matchAll(VARIABLE)) found.add(plain(name));
    }
  }
  if ([...found].some((name) => mayCarryOver(name, body))) found.add(CARRIES_OVER);
  if (setsSystemVariable(body)) found.add(SYSTEM_VARIABLES);
  return [...found].toSorted();
}

/** A program's texts, by the lower-case name of what runs it: a routine, a view, or a table that has triggers. */
export type Programs = ReadonlyMap<string, readonly string[]>;

/** `text` and all that may run with it. Schemas are not looked at: what has the name of another one's is taken for it. */
export function textsReached(text: string, programs: Programs): readonly string[] {
  const reached = [text];
  const seen = new Set<string>();
  for (const each of reached) {
    for (const name of namesIn(each)) {
      if (seen.has(name)) continue;
      seen.add(name);
      reached.push(...(programs.get(name) ?? []));
    }
  }
  return reached;
}

/** All words of a text that may be names, in lower case. */
export function namesIn(text: string): readonly string[] {
  return [...new Set(Array.from(text.matchAll(WORD), ([word]) => word.replace(/^`(.*)`$/s, "$1").toLowerCase()))];
}

/** Unless the first that is done with it, in any case, is that it gets a value made of others. */
function mayCarryOver(name: string, body: string): boolean {
  const code = body.replaceAll(/\/\*(?!!|M!).*?\*\//gs, " ");
  const [first] = [...code.matchAll(VARIABLE)].filter(([, each = ""]) => plain(each) === name);
  if (first === undefined) return true;
  const rest = code.slice(first.index + first[0].length);
  const value = /^\s*:?=([^;]*)/.exec(rest)?.[1];
  const isReadAgain = [...(value ?? "@").matchAll(VARIABLE)].some(([, each = ""]) => plain(each) === name);
  return value === undefined || isReadAgain || BRANCH.test(code.slice(0, first.index));
}

/** A target of a SET that is neither a user variable, nor a column of the row, nor declared by the program. */
function setsSystemVariable(body: string): boolean {
  const code = body.replaceAll(NO_CODE, " ");
  const declared = new Set<string>();
  for (const [text] of code.matchAll(DECLARED)) {
    for (const [word] of text.replaceAll(/@@[\w.]+/g, "").matchAll(WORD)) declared.add(word.toLowerCase());
  }
  return code.split(STATEMENT_END).some((statement) => {
    const at = statement.search(/\bset\b/i);
    // SET is a part of these.
    if (at < 0 || /\b(update|insert|replace|load)\b/i.test(statement.slice(0, at))) return false;
    return [...statement.slice(at).matchAll(TARGET)].some(
      ([, scope, name = ""]) => scope !== undefined || !declared.has(name.toLowerCase()),
    );
  });
}

const NAME = "(?<!@)@([\\w$.]+|`[^`]+`|'[^']+'|\"[^\"]+\")";
const VARIABLE = new RegExp(NAME, "g");
const ASSIGNED = new RegExp(`${NAME}\\s*:?=`, "g");
/** Behind INTO, and all behind CALL. */
const HANDED_OVER = /\b(?:into\s+[^;()]*?(?=\b(?:from|where|limit|for)\b|[;()]|$)|call\s+[^;]*)/gi;
const WORD = /`[^`]+`|[\p{L}_$][\p{L}\p{N}_$]*/gu;
/** Comments and texts. */
const NO_CODE = /\/\*(?!!|M!).*?\*\/|(?:--\s|#)[^\n]*|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"/gs;
/** What is behind these need not happen. */
const BRANCH = /\b(?:if|case|when|while|loop|repeat|until|for|handler|and|or|select)\b|&&|\|\|/i;
const DECLARED = /\bdeclare\b[^;]*/gi;
const STATEMENT_END = /;|\b(?:begin|then|else|do|loop|repeat)\b/i;
/** In front of an equals sign: no column of a row, no user variable, nothing that is only compared behind another one. */
const TARGET =
  /(?:\bset\b|,)\s*(@@(?:session\s*\.|local\s*\.)?|session\s+|local\s+)?`?(?!(?:global|persist)\b)([\p{L}_$][\p{L}\p{N}_$]*)`?\s*:?=/giu;

function plain(name: string): string {
  return name.replace(/^[`'"](.*)[`'"]$/s, "$1").toLowerCase();
}
