// The JSON Schema for editors says the same as the parser: same fields, same names, nothing more.

import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { ACCEPTED_VINDEX_TYPES, VINDEX_TYPES } from "../../../src/vschema/create-vindex.ts";
import { FOREIGN_KEY_MODES } from "../../../src/vschema/model.ts";
import { COLUMN_TYPES, checkVSchema, VSCHEMA_FIELDS } from "../../../src/vschema/parse-vschema.ts";

interface Part {
  type?: string;
  description?: string;
  properties?: Record<string, Part>;
  additionalProperties?: boolean | Part;
  enum?: string[];
  required?: string[];
  definitions?: Record<string, Part>;
  items?: Part;
  $ref?: string;
}

const root = resolve(import.meta.dirname, "../../..");
const schema: Part = JSON.parse(readFileSync(resolve(root, "vschema/vschema.schema.json"), "utf8"));
const parts: Record<string, Part> = { keyspace: schema, ...schema.definitions };

test("every message has the parser's fields, and refuses others", () => {
  expect(Object.keys(parts).toSorted()).toEqual(Object.keys(VSCHEMA_FIELDS).toSorted());
  for (const [name, fields] of Object.entries(VSCHEMA_FIELDS)) {
    const part = parts[name];
    expect(Object.keys(part?.properties ?? {}), name).toEqual([...fields]);
    expect(part?.additionalProperties, name).toBe(false);
  }
});

test("the lists of choices are the parser's", () => {
  expect(parts["vindex"]?.properties?.["type"]?.enum?.toSorted()).toEqual(VINDEX_TYPES.toSorted());
  expect(parts["column"]?.properties?.["type"]?.enum).toEqual([...COLUMN_TYPES]);
  expect(parts["keyspace"]?.properties?.["foreign_key_mode"]?.enum).toEqual([...FOREIGN_KEY_MODES]);
  for (const type of VINDEX_TYPES) expect(ACCEPTED_VINDEX_TYPES).toContain(type);
});

test("every field is described", () => {
  for (const [name, part] of Object.entries(parts)) {
    for (const [field, property] of Object.entries(part.properties ?? {})) {
      const description = property.description ?? parts[property.$ref?.split("/").at(-1) ?? ""]?.description;
      expect(description, `${name}.${field}`).toMatch(/^[A-Z\w].*\.$/s);
    }
  }
});

test("a value of the wrong kind is refused by the parser wherever the schema gives a kind", () => {
  for (const [field, property] of Object.entries(schema.properties ?? {})) {
    const wrong = property.type === "boolean" ? "text" : 7;
    expect(checkVSchema("ks", { [field]: wrong }).kind, field).toBe("bad");
  }
});

test("every keyspace folder of vschema/ has a good vschema.json that names the schema", () => {
  const folders = readdirSync(resolve(root, "vschema"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map((entry) => entry.name).toSorted()).toEqual(["commerce", "customer"]);
  for (const { name } of folders) {
    const json: unknown = JSON.parse(readFileSync(resolve(root, "vschema", name, "vschema.json"), "utf8"));
    expect(json).toMatchObject({ $schema: "../vschema.schema.json" });
    expect(checkVSchema(name, json).kind).toBe("good");
  }
});
