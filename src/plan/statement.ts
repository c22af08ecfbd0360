// The types of `sql/` that plans are made of, for those who interpret plans and have no business with the grammar.

export type { BindValue } from "../sql/bind-value.ts";
export type { Insert, Statement } from "../sql/tree.ts";
