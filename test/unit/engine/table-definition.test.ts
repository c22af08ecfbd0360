import { describe, expect, test } from "vitest";
import { readDefinition } from "../../../src/engine/table-definition.ts";

const SQL = [
  "CREATE TABLE `t` (",
  "  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,",
  "  `a``b` int(11) NOT NULL DEFAULT 3 COMMENT 'says DEFAULT 4, it''s \\' odd',",
  "  `text` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'it''s \\\\ `x` (',",
  "  `ts` timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),",
  "  `e` enum('DEFAULT 1','b)') NOT NULL DEFAULT 'b)',",
  "  `none` int(11) DEFAULT NULL,",
  "  `made` varchar(36) DEFAULT (uuid()),",
  "  `bits` bit(3) NOT NULL DEFAULT b'101',",
  "  `other` int(11) DEFAULT (`none` + 1),",
  "  `seq` bigint(20) DEFAULT nextval(`k`.`s`),",
  "  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`j`)),",
  "  `gen` int(11) GENERATED ALWAYS AS (`none` + length('DEFAULT x')) VIRTUAL,",
  "  `inv` int(11) INVISIBLE DEFAULT 7,",
  "  PRIMARY KEY (`id`),",
  "  UNIQUE KEY `u` (`e`,`text`(10)) USING BTREE COMMENT '(no)',",
  "  KEY `d` (`a``b` DESC,`ts`),",
  "  KEY `f` ((`none` + 1)),",
  "  FULLTEXT KEY `ft` (`text`),",
  "  SPATIAL KEY `sp` (`g`),",
  "  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `x` (`id`)",
  ") ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci COMMENT='x' WITH SYSTEM VERSIONING",
  " PARTITION BY HASH (`id`)",
].join("\n");

describe("SHOW CREATE TABLE", () => {
  const { columns, keys, isVersioned } = readDefinition(SQL);

  test("defaults that stand alone", () => {
    const defaults = Object.fromEntries([...columns].map(([name, { defaultSql }]) => [name, defaultSql]));
    expect(defaults).toEqual({
      id: undefined,
      "a`b": "3",
      text: "'it''s \\\\ `x` ('",
      ts: "current_timestamp(3)",
      e: "'b)'",
      none: "NULL",
      made: "(uuid())",
      bits: "b'101'",
      other: undefined,
      seq: undefined,
      j: "NULL",
      gen: undefined,
      inv: "7",
    });
  });

  test("text that is JSON", () => {
    expect([...columns].filter(([, { json }]) => json).map(([name]) => name)).toEqual(["j"]);
  });

  test("keys that rows can be looked up by", () => {
    expect(keys).toEqual([
      { kind: "primary", parts: [{ lower: "id", chars: undefined }] },
      {
        kind: "unique",
        parts: [
          { lower: "e", chars: undefined },
          { lower: "text", chars: 10 },
        ],
      },
      {
        kind: "plain",
        parts: [
          { lower: "a`b", chars: undefined },
          { lower: "ts", chars: undefined },
        ],
      },
    ]);
  });

  test("system versioning", () => {
    expect(isVersioned).toBe(true);
    expect(readDefinition(SQL.replace(" WITH SYSTEM VERSIONING", "")).isVersioned).toBe(false);
  });
});

test("of a view nothing is told", () => {
  const sql = "CREATE ALGORITHM=UNDEFINED VIEW `v` AS select `t`.`id` AS `id` from `t`";
  expect(readDefinition(sql)).toEqual({ columns: new Map(), keys: [], isVersioned: false });
});
