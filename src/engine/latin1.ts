// Text in MySQL's latin1, which is Windows' code page 1252 with its five unused codes standing for themselves (manual: "West
// European Character Sets").

/** What 0x80 to 0x9f stand for; all other codes are Unicode's. */
const FROM_0X80 =
  "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178";

/** The text's bytes in latin1; undefined when it has a character that latin1 has not. */
export function latin1Of(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const special = FROM_0X80.indexOf(text.charAt(at));
    if (special >= 0) bytes[at] = 0x80 + special;
    else if (code < 0x80 || (code >= 0xa0 && code <= 0xff)) bytes[at] = code;
    else return undefined;
  }
  return bytes;
}
