// A table or column name as SQL.

export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}
