// User variables that a trigger may set, read from its text without a grammar: names in front of an equals sign and behind
// INTO. A name that is only compared may be among them; what a procedure sets that the trigger calls is not.

/** Names in lower case, each once. `body` is ACTION_STATEMENT of information_schema. */
export function variablesSetIn(body: string): readonly string[] {
  if (!body.includes("@")) return [];
  const found = new Set<string>();
  for (const [, name = ""] of body.matchAll(ASSIGNED)) found.add(plain(name));
  for (const [, list = ""] of body.matchAll(INTO)) {
    for (const [, name = ""] of list.matchAll(VARIABLE)) found.add(plain(name));
  }
  return [...found].toSorted();
}

const NAME = "(?<!@)@([\\w$.]+|`[^`]+`|'[^']+'|\"[^\"]+\")";
const VARIABLE = new RegExp(NAME, "g");
const ASSIGNED = new RegExp(`${NAME}\\s*:?=`, "g");
const INTO = /\binto\s+([^;()]*?)(?=\b(?:from|where|limit|for)\b|[;()]|$)/gi;

function plain(name: string): string {
  return name.replace(/^[`'"](.*)[`'"]$/s, "$1").toLowerCase();
}
