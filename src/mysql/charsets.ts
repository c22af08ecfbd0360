// Collation ids and names as they stand in handshakes and column definitions: MariaDB 10.11's list and MySQL 8's. The
// ids follow rules, so the table is spelled by rule: old collations by id, the Unicode families by their start, MariaDB's
// no-pad variants at id + 1024, its UCA 14 families from 2048. A collation's name begins with its character set's.

export interface Collation {
  readonly id: number;
  readonly collation: string;
  readonly charset: string;
}

/** Ids 1 to 99; "-" is an id that was never given out. 17 and 76 are unused in MariaDB; 76 is MySQL 8's. */
const FIRST =
  "big5_chinese_ci latin2_czech_cs dec8_swedish_ci cp850_general_ci latin1_german1_ci hp8_english_ci koi8r_general_ci " +
  "latin1_swedish_ci latin2_general_ci swe7_swedish_ci ascii_general_ci ujis_japanese_ci sjis_japanese_ci " +
  "cp1251_bulgarian_ci latin1_danish_ci hebrew_general_ci - tis620_thai_ci euckr_korean_ci latin7_estonian_cs " +
  "latin2_hungarian_ci koi8u_general_ci cp1251_ukrainian_ci gb2312_chinese_ci greek_general_ci cp1250_general_ci " +
  "latin2_croatian_ci gbk_chinese_ci cp1257_lithuanian_ci latin5_turkish_ci latin1_german2_ci armscii8_general_ci " +
  "utf8mb3_general_ci cp1250_czech_cs ucs2_general_ci cp866_general_ci keybcs2_general_ci macce_general_ci " +
  "macroman_general_ci cp852_general_ci latin7_general_ci latin7_general_cs macce_bin cp1250_croatian_ci " +
  "utf8mb4_general_ci utf8mb4_bin latin1_bin latin1_general_ci latin1_general_cs cp1251_bin cp1251_general_ci " +
  "cp1251_general_cs macroman_bin utf16_general_ci utf16_bin utf16le_general_ci cp1256_general_ci cp1257_bin " +
  "cp1257_general_ci utf32_general_ci utf32_bin utf16le_bin binary armscii8_bin ascii_bin cp1250_bin cp1256_bin " +
  "cp866_bin dec8_bin greek_bin hebrew_bin hp8_bin keybcs2_bin koi8r_bin koi8u_bin utf8mb3_tolower_ci latin2_bin " +
  "latin5_bin latin7_bin cp850_bin cp852_bin swe7_bin utf8mb3_bin big5_bin euckr_bin gb2312_bin gbk_bin sjis_bin " +
  "tis620_bin ucs2_bin ujis_bin geostd8_general_ci geostd8_bin latin1_spanish_ci cp932_japanese_ci cp932_bin " +
  "eucjpms_japanese_ci eucjpms_bin cp1250_polish_ci";

/** The order in which each Unicode character set numbers its language collations. */
const UCA_400 =
  "unicode icelandic latvian romanian slovenian polish estonian spanish swedish turkish czech danish lithuanian slovak " +
  "spanish2 roman persian esperanto hungarian sinhala german2 croatian_mysql561 unicode_520 vietnamese";
const UCA_400_START = { utf16: 101, ucs2: 128, utf32: 160, utf8mb3: 192, utf8mb4: 224 } as const;
/** MariaDB's own: _croatian_ci, _myanmar_ci, _thai_520_w2. */
const MARIADB_START = { utf8mb3: 576, utf8mb4: 608, ucs2: 640, utf16: 672, utf32: 736 } as const;

/** MySQL 8: utf8mb4_0900_* from 255 on; "-" is a gap. */
const UCA_900_AI_CI = "- de_pb is lv ro sl pl et es sv tr cs da lt sk es_trad la - eo hu hr - vi";
const UCA_900_PAIRS = "nb nn sr_latn bs bg gl mn_cyrl";

const UCA_1400_CHARSETS = "utf8mb3 utf8mb4 ucs2 utf16 utf32";
const UCA_1400_TAILORINGS =
  " icelandic latvian romanian slovenian polish estonian spanish swedish turkish czech danish lithuanian slovak " +
  "spanish2 roman persian esperanto hungarian sinhala german2 - - vietnamese croatian";

/** Where both servers know the id, the name is MariaDB's: MySQL calls 245 utf8mb4_croatian_ci, MariaDB gives that name to 608. */
const collations = new Map<number, Collation>();
const byName = new Map<string, Collation>();
const defaults = new Map<string, Collation>();
build();

export const COLLATION_BINARY = 63;
export const COLLATION_UTF8MB4_GENERAL_CI = 45;

/** The collation with this id, or undefined where neither server has it. */
export function collationById(id: number): Collation | undefined {
  return collations.get(id);
}

/** Finds a collation by its lower-case name; `utf8_…` is read as `utf8mb3_…`. */
export function collationByName(name: string): Collation | undefined {
  return byName.get(name.startsWith("utf8_") ? `utf8mb3_${name.slice(5)}` : name);
}

/** The default collation of a character set as MariaDB has it; MySQL 8 differs for utf8mb4 only (utf8mb4_0900_ai_ci). */
export function defaultCollation(charset: string): Collation | undefined {
  return defaults.get(charset === "utf8" ? "utf8mb3" : charset);
}

/** Every collation known, in no particular order. */
export function allCollations(): IterableIterator<Collation> {
  return collations.values();
}

function build(): void {
  for (const [index, name] of FIRST.split(" ").entries()) add(index + 1, name);
  for (const [charset, start] of Object.entries(UCA_400_START)) {
    for (const [index, name] of UCA_400.split(" ").entries()) add(start + index, `${charset}_${name}_ci`);
  }
  for (const [charset, start] of Object.entries(MARIADB_START)) {
    for (const [index, name] of ["croatian_ci", "myanmar_ci", "thai_520_w2"].entries()) {
      add(start + index, `${charset}_${name}`);
    }
  }
  add(159, "ucs2_general_mysql500_ci");
  add(223, "utf8mb3_general_mysql500_ci");
  add(248, "gb18030_chinese_ci");
  add(249, "gb18030_bin");
  add(250, "gb18030_unicode_520_ci");

  // A charset's default is its first "*_general_ci"; the ones without have it listed first by id.
  for (const { charset, collation } of collations.values()) {
    if (!defaults.has(charset) || collation === `${charset}_general_ci`) defaults.set(charset, named(collation));
  }
  for (const name of ["latin1_swedish_ci", "gb18030_chinese_ci"]) defaults.set(name.split("_")[0] ?? "", named(name));

  const padded = [...defaults.values()];
  for (const each of collations.values()) {
    if (each.collation.endsWith("_bin")) padded.push(each);
    else if (/_unicode(_520)?_ci$/.test(each.collation)) padded.push(each);
  }
  for (const { id, collation, charset } of padded) {
    if (charset !== "gb18030" && charset !== "binary") add(id + 1024, collation.replace(/_(ci|bin)$/, "_nopad_$1"));
  }

  for (const [index, name] of UCA_900_AI_CI.split(" ").entries()) {
    const language = name === "-" ? "" : `${name}_`;
    if (name === "-" && index > 0) continue;
    add(255 + index, `utf8mb4_${language}0900_ai_ci`);
    add(278 + index, `utf8mb4_${language}0900_as_cs`);
  }
  add(303, "utf8mb4_ja_0900_as_cs");
  add(304, "utf8mb4_ja_0900_as_cs_ks");
  add(305, "utf8mb4_0900_as_ci");
  add(306, "utf8mb4_ru_0900_ai_ci");
  add(307, "utf8mb4_ru_0900_as_cs");
  add(308, "utf8mb4_zh_0900_as_cs");
  add(309, "utf8mb4_0900_bin");
  for (const [index, language] of UCA_900_PAIRS.split(" ").entries()) {
    add(310 + 2 * index, `utf8mb4_${language}_0900_ai_ci`);
    add(311 + 2 * index, `utf8mb4_${language}_0900_as_cs`);
  }

  for (const [set, charset] of UCA_1400_CHARSETS.split(" ").entries()) {
    for (const [tailoring, language] of UCA_1400_TAILORINGS.split(" ").entries()) {
      if (language === "-") continue;
      for (let variant = 0; variant < 8; variant++) {
        const nopad = (variant & 4) === 0 ? "" : "nopad_";
        const suffix = `${nopad}${(variant & 2) === 0 ? "ai" : "as"}_${(variant & 1) === 0 ? "ci" : "cs"}`;
        const name = language === "" ? suffix : `${language}_${suffix}`;
        add(2048 + 256 * set + 8 * tailoring + variant, `${charset}_uca1400_${name}`);
      }
    }
  }
}

function add(id: number, collation: string): void {
  if (collation === "-") return;
  const entry = { id, collation, charset: collation.split("_")[0] ?? collation };
  collations.set(id, entry);
  byName.set(collation, entry);
}

function named(collation: string): Collation {
  const found = byName.get(collation);
  if (found === undefined) throw new RangeError(`no collation ${collation}`);
  return found;
}
