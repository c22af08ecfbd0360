// Characters of the East Asian sets of two bytes. What a code stands for is what ICU says (TextDecoder), put right where
// MySQL's tables say something else; all of them have been compared with a server's, code by code, in both directions.
// Tables are made when somebody needs them first, which takes a few milliseconds.
//
// Private use characters are MySQL's in cp932 only. `ujis` and `eucjpms` are not here.

export interface MultibyteSet {
  /** Code points by code, lead byte first; 0: none. Codes under 0x100 are single bytes. */
  readonly codePoints: Uint32Array;
  /** Codes by code point. */
  readonly codes: ReadonlyMap<number, number>;
  /** A server writes a backslash with another code than ASCII's, 0x5C (sjis: 0x815F). */
  readonly movesBackslash: boolean;
  /** Whether two bytes are one character as far as the set's lexer goes, known or not. */
  readonly isPair: (lead: number, trail: number) => boolean;
}

interface Shape {
  /** What TextDecoder calls it. */
  readonly label: string;
  readonly isLead: (byte: number) => boolean;
  readonly isTrail: (byte: number) => boolean;
  /** Where MySQL has other characters: `code=character`, `code+count=first character`, nothing behind a code: none. */
  readonly differences: string;
  /** Codes whose characters have other codes as well, which are the ones they are written as. */
  readonly second: string;
  readonly hasSingles: boolean;
  readonly hasPrivateUse: boolean;
}

const isIn = (byte: number, from: number, to: number): boolean => byte >= from && byte <= to;
const isSjisLead = (byte: number): boolean => isIn(byte, 0x81, 0x9f) || isIn(byte, 0xe0, 0xfc);
const isSjisTrail = (byte: number): boolean => isIn(byte, 0x40, 0x7e) || isIn(byte, 0x80, 0xfc);

const SHAPES: Readonly<Record<string, Shape>> = {
  gbk: {
    label: "gbk",
    isLead: (byte) => isIn(byte, 0x81, 0xfe),
    isTrail: (byte) => isIn(byte, 0x40, 0x7e) || isIn(byte, 0x80, 0xfe),
    differences: "",
    second: "",
    hasSingles: false,
    hasPrivateUse: false,
  },
  gb2312: {
    label: "gbk",
    isLead: (byte) => isIn(byte, 0xa1, 0xf7),
    isTrail: (byte) => isIn(byte, 0xa1, 0xfe),
    differences: "a1a4=30fb a1aa=2015 a2a1+10 a6e0+12 a6ee+5 a6f4+2 a8bb a8bd+2 a8c0",
    second: "",
    hasSingles: false,
    hasPrivateUse: false,
  },
  big5: {
    label: "big5",
    isLead: (byte) => isIn(byte, 0xa1, 0xf9),
    isTrail: (byte) => isIn(byte, 0x40, 0x7e) || isIn(byte, 0xa1, 0xfe),
    differences:
      "a145=2022 a14e=ff64 a15a=fffd a1c2=203e a1c3=fffd a1c5=fffd a1e3=223c a1f2=2641 a1f3=2609 a1fe=fffd a240=fffd " +
      "a241=ff0f a242=ff3c a244=a5 a246+2=a2 a2cc=fffd a2ce=fffd a3e1 c6a1=30fe c6a2+2=309d c6a4=3005 c6a5+83=3041 " +
      "c6f8+7=30a1 c740+63=30a8 c7a1+16=30e7 c7b1+2=414 c7b3=401 c7b4+7=416 c7bb+19=423 c7ce=451 c7cf+26=436 " +
      "c7e9+10=2460 c7f3+10=2474 f9dd+34",
    second: "a15a a1c3 a1c5 a1fe a240 a2cc",
    hasSingles: false,
    hasPrivateUse: false,
  },
  sjis: {
    label: "shift_jis",
    isLead: isSjisLead,
    isTrail: isSjisTrail,
    differences:
      "815f=5c 8160=301c 8161=2016 817c=2212 8191+2=a2 81ca=ac 8740+30 875f+23 877e 8780+29 ed40+63 ed80+125 ee40+63 " +
      "ee80+109 eeef+14 fa40+63 fa80+125 fb40+63 fb80+125 fc40+12",
    second: "815f",
    hasSingles: true,
    hasPrivateUse: false,
  },
  cp932: {
    label: "shift_jis",
    isLead: isSjisLead,
    isTrail: isSjisTrail,
    differences: "",
    second: "8790+3 8795+3 879a+3 ed40+63 ed80+125 ee40+63 ee80+109 eeef+14 fa4a+11 fa58+4",
    hasSingles: true,
    hasPrivateUse: true,
  },
  euckr: {
    label: "euc-kr",
    isLead: (byte) => isIn(byte, 0x81, 0xfe),
    isTrail: (byte) => isIn(byte, 0x41, 0x5a) || isIn(byte, 0x61, 0x7a) || isIn(byte, 0x81, 0xfe),
    differences: "a2e6=20ac a2e7=ae",
    second: "",
    hasSingles: false,
    hasPrivateUse: false,
  },
};

const sets = new Map<string, MultibyteSet>();

/** Undefined for sets that are not here. */
export function multibyteSet(charset: string): MultibyteSet | undefined {
  const known = sets.get(charset);
  if (known !== undefined) return known;
  const shape = Object.hasOwn(SHAPES, charset) ? SHAPES[charset] : undefined;
  if (shape === undefined) return undefined;
  const made = make(shape, charset === "euckr");
  sets.set(charset, made);
  return made;
}

function make(shape: Shape, hasAllHangul: boolean): MultibyteSet {
  const { isLead, isTrail } = shape;
  const codePoints = new Uint32Array(0x10000);
  const decoder = new TextDecoder(shape.label);
  const isKept = (point: number): boolean => shape.hasPrivateUse || point < 0xe000 || point > 0xf8ff;
  for (let lead = 0x80; lead <= 0xff; lead++) {
    if (shape.hasSingles && !isLead(lead)) {
      const point = single(decoder.decode(Buffer.of(lead)));
      if (point !== undefined && isKept(point)) codePoints[lead] = point;
    }
    if (!isLead(lead)) continue;
    const trails = Array.from({ length: 0x100 }, (_, trail) => trail).filter(isTrail);
    // One call for all: calls are what takes time.
    const row = decoder.decode(Buffer.from(trails.flatMap((trail) => [lead, trail, NEWLINE])));
    for (const [at, text] of row.split("\n").entries()) {
      const point = single(text);
      const trail = trails[at];
      if (trail !== undefined && point !== undefined && isKept(point)) codePoints[(lead << 8) | trail] = point;
    }
  }
  for (const { code, point } of listed(shape.differences)) codePoints[code] = point;
  if (hasAllHangul) addHangul(codePoints, isTrail);
  const second = new Set(listed(shape.second).map(({ code }) => code));
  const codes = new Map<number, number>();
  for (const [code, point] of codePoints.entries()) if (point !== 0 && !second.has(code)) codes.set(point, code);
  const movesBackslash = codePoints.includes(BACKSLASH);
  return { codePoints, codes, movesBackslash, isPair: (lead, trail) => isLead(lead) && isTrail(trail) };
}

/** The one character of `text`; undefined when it has none, or several. */
function single(text: string): number | undefined {
  const point = text.codePointAt(0) ?? UNKNOWN;
  return point === UNKNOWN || text.length !== String.fromCodePoint(point).length ? undefined : point;
}

const UNKNOWN = 0xfffd;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

/** The syllables that KS X 1001 lacks stand in the order of Unicode where it has no codes (Unified Hangul Code). */
function addHangul(codePoints: Uint32Array, isTrail: (byte: number) => boolean): void {
  const present = new Set(codePoints);
  let syllable = 0xac00;
  for (let lead = 0x81; lead <= 0xc6; lead++) {
    for (let trail = 0x41; trail <= (lead < 0xa1 ? 0xfe : 0xa0); trail++) {
      if (!isTrail(trail)) continue;
      while (present.has(syllable)) syllable++;
      if (syllable > 0xd7a3) return;
      codePoints[(lead << 8) | trail] = syllable++;
    }
  }
}

/** Items of a list of differences; the character 0 is none. */
function listed(text: string): readonly { readonly code: number; readonly point: number }[] {
  if (text === "") return [];
  return text.split(" ").flatMap((item) => {
    const [range = "", first] = item.split("=");
    const [start = "", count = "1"] = range.split("+");
    const point = first === undefined ? 0 : Number.parseInt(first, 16);
    return Array.from({ length: Number(count) }, (_, i) => ({
      code: Number.parseInt(start, 16) + i,
      point: point === 0 ? 0 : point + i,
    }));
  });
}
