// Directives: what a client asks of the gateway in a comment, `/*sg+ NO_GATHER QUERY_TIMEOUT_MS=500 */` or Vitess's
// `/*vt+ … */`. Names are in lower case; a directive without a value is `true`.

export type Directives = ReadonlyMap<string, string>;

/** Adds the directives of a comment's inside (behind `vt+` or `sg+`) to `before`. */
export function directivesOf(text: string, before: Directives | undefined): Directives {
  const directives = new Map(before);
  for (const word of text.split(/\s+/)) {
    if (word === "") continue;
    const sign = word.indexOf("=");
    const name = (sign < 0 ? word : word.slice(0, sign)).toLowerCase();
    if (name !== "") directives.set(name, sign < 0 ? "true" : unquoted(word.slice(sign + 1)));
  }
  return directives;
}

function unquoted(value: string): string {
  const first = value[0];
  return value.length >= 2 && (first === '"' || first === "'") && value.endsWith(first) ? value.slice(1, -1) : value;
}
