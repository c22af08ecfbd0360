// `npm ci` refuses a lock file in which an optional package of another platform has no entry. npm writes such a file
// itself when a registry does not offer that package; this finds it before a fresh clone does.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test("every optional dependency in package-lock.json has its entry", () => {
  const file = resolve(import.meta.dirname, "../package-lock.json");
  const { packages }: { packages: Record<string, LockedPackage> } = JSON.parse(readFileSync(file, "utf8"));
  const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
  expect(wanted.length).toBeGreaterThan(10);
  expect(wanted.filter((name) => packages[`node_modules/${name}`]?.version === undefined)).toEqual([]);
});
