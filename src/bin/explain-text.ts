// What `shardgate explain` says of a statement as lines for people: the JSON's own words, indented.

/** Ends with a line break. */
export function explainText(sql: string, answer: object): string {
  return `${sql.trim()}\n${linesOf(answer, "  ").join("\n")}\n`;
}

function linesOf(value: object, indent: string): string[] {
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) => lineOf(name, each, indent));
}

function lineOf(name: string, value: unknown, indent: string): string[] {
  if (Array.isArray(value)) {
    if (value.every((each) => typeof each !== "object")) return [`${indent}${name}: ${value.join(", ")}`];
    return value.flatMap((each, i) => lineOf(`${name} ${i + 1}`, each, indent));
  }
  if (typeof value !== "object" || value === null) return [`${indent}${name}: ${String(value)}`];
  const inner = linesOf(value, `${indent}  `);
  // A routing is said in one line.
  const isShort = inner.length <= 4 && inner.join("").length < 120 && inner.every((line) => /^ *[\w ]+: /.test(line));
  if (isShort) return [`${indent}${name}: ${inner.map((line) => line.trim()).join(", ")}`];
  return [`${indent}${name}:`, ...inner];
}
