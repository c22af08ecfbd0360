// The collation key of the `unicode_loose_*` vindexes: the primary weights of a text under the Unicode Collation Algorithm
// 6.2.0 root, so case, accents, width and trailing blanks do not count. It must agree with Vitess on every byte, because
// its hash decides the shard. UTF-8 in, weights out; the steps are those of the algorithm (https://unicode.org/reports/tr10/):
// text -> units (one code point, or a contraction) -> elements -> canonical order of marks -> weights.
//
//   element = weight * 256 + class; weight 0 = none, class 0 = starter, else the canonical combining class of a mark

import { isUtf8 } from "node:buffer";
import { assert } from "../base/assert.ts";
import { isJsonArray, isJsonNumber, isJsonObject, type JsonValue, readJson } from "./json-text.ts";
import { inflateLooseWeights } from "./loose-weights.ts";

/** Marks looked across for a contraction, and elements held back for reordering, are bounded by this. */
const MARKS_MAX = 30;

const PAGE_BITS = 8;
const PAGE_CELLS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_CELLS - 1;
const UNLISTED = -1;
/** Cells from here down are positions in `blocks`: -2 - position. */
const BLOCK_FIRST = -2;

const HANGUL_FIRST = 0xac00;
const HANGUL_LAST = 0xd7a3;

/** A node of the contraction tree; `elements` where a listed contraction ends. */
interface ContractionNode {
  readonly children: Map<number, ContractionNode>;
  elements: readonly number[] | undefined;
}

interface MarkClass {
  readonly first: number;
  readonly last: number;
  /** How many marks the code point stands for. */
  readonly marks: 1 | 2;
}

interface Weights {
  /** By code point, in pages: the element of code points with one that begin no contraction, else a block position. */
  readonly pages: readonly (Int32Array | undefined)[];
  readonly blocks: readonly (readonly number[])[];
  readonly contractions: ReadonlyMap<number, ContractionNode>;
  /** Only for matching contractions. */
  readonly markClasses: ReadonlyMap<number, MarkClass>;
  readonly ideographic: readonly number[];
}

let loaded: Weights | undefined;

/** Unpacks the weights, about 40 ms once: done when a vindex that needs them is made, not in the first query. */
export function loadLooseWeights(): void {
  loaded ??= loadWeights();
}

/** The key of `text` (UTF-8, borrowed), or `undefined` if it is not valid UTF-8. */
export function looseKey(text: Buffer): Buffer | undefined {
  let end = text.length;
  while (end > 0 && text[end - 1] === 0x20) end--;
  const trimmed = text.subarray(0, end);
  if (!isUtf8(trimmed)) return undefined;
  loaded ??= loadWeights();
  return new KeyWriter(loaded, codePointsOf(trimmed)).key();
}

class KeyWriter {
  readonly #weights: Weights;
  readonly #text: Uint32Array;
  #out: Buffer;
  #outBytes = 0;

  constructor(weights: Weights, text: Uint32Array) {
    this.#weights = weights;
    this.#text = text;
    // Nearly every code point weighs two bytes; texts of heavier ones grow the buffer.
    this.#out = Buffer.allocUnsafe(text.length * 2 + 3);
  }

  /** Puts elements in order: a mark moves in front of marks of a higher class, never across a starter. */
  key(): Buffer {
    const units = new UnitReader(this.#weights, this.#text);
    let held: number[] = [];
    for (;;) {
      if (held.length === 0) {
        const single = units.nextSingle();
        if (single !== undefined) {
          this.#write(single);
          continue;
        }
        const block = units.next();
        if (block === undefined) return this.#out.subarray(0, this.#outBytes);
        held = [...block];
      }
      if (classOf(held.at(-1)) === 0) {
        this.#writeAll(held);
        held = [];
        continue;
      }
      const firstMark = held.findIndex((element) => classOf(element) !== 0);
      for (let i = 0; i < firstMark; i++) this.#write(held[i] ?? 0);
      held = this.#orderMarks(held.slice(firstMark), units);
    }
  }

  /** `held` begins with a mark. Takes blocks until one starts anew; returns that block, or nothing at the end. */
  #orderMarks(marks: number[], units: UnitReader): number[] {
    const held = marks;
    let high = classOf(held.at(-1));
    for (;;) {
      const block = units.next();
      if (block === undefined) {
        this.#writeAll(held);
        return [];
      }
      const blockClass = classOf(block[0]);
      if (blockClass === 0 || held.length + block.length > MARKS_MAX) {
        this.#writeAll(held);
        return [...block];
      }
      if (blockClass < high) {
        let at = held.length - 1;
        while (at > 0 && classOf(held[at - 1]) > blockClass) at--;
        held.splice(at, 0, ...block);
      } else {
        held.push(...block);
        high = blockClass;
      }
    }
  }

  #writeAll(elements: readonly number[]): void {
    for (const element of elements) this.#write(element);
  }

  #write(element: number): void {
    const weight = element >> 8;
    if (weight === 0) return;
    if (this.#outBytes + 3 > this.#out.length) this.#out = Buffer.concat([this.#out], this.#out.length * 2);
    if (weight > 0x7fff) this.#out[this.#outBytes++] = (weight >> 16) | 0x80;
    this.#outBytes = this.#out.writeUInt16BE(weight & 0xffff, this.#outBytes);
  }
}

/** Cuts text into units; each yields the elements of one code point or one contraction. */
class UnitReader {
  readonly #weights: Weights;
  readonly #text: Uint32Array;
  #at = 0;

  constructor(weights: Weights, text: Uint32Array) {
    this.#weights = weights;
    this.#text = text;
  }

  /** The next unit if it is one starter element on its own: the way of nearly all text, without an allocation. */
  nextSingle(): number | undefined {
    const codePoint = this.#text[this.#at];
    if (codePoint === undefined) return undefined;
    const cell = this.#weights.pages[codePoint >> PAGE_BITS]?.[codePoint & PAGE_MASK] ?? UNLISTED;
    if (cell < 0 || (cell & 0xff) !== 0) return undefined;
    this.#at++;
    return cell;
  }

  next(): readonly number[] | undefined {
    const codePoint = this.#text[this.#at];
    if (codePoint === undefined) return undefined;
    const root = this.#weights.contractions.get(codePoint);
    if (root === undefined) {
      this.#at++;
      return elementsOf(this.#weights, codePoint);
    }
    return this.#contraction(codePoint, root);
  }

  #contraction(codePoint: number, root: ContractionNode): readonly number[] {
    const text = this.#text;
    const walk: Walk = {
      node: root,
      at: this.#at + 1,
      best: elementsOf(this.#weights, codePoint),
      bestEnd: this.#at + 1,
    };
    advance(walk, text, text.length);
    const gap = walk.node.children.size > 0 ? this.#lookAcross(walk) : [];
    this.#at = walk.bestEnd;
    if (gap.length === 0) return walk.best;
    const elements = [...walk.best];
    const rest = new UnitReader(this.#weights, Uint32Array.from(gap));
    for (let block = rest.next(); block !== undefined; block = rest.next()) elements.push(...block);
    return elements;
  }

  /** Continues a contraction across marks that do not block it; returns the marks that the best match skipped. */
  #lookAcross(walk: Walk): readonly number[] {
    const text = this.#text;
    const skippedFirst = text[walk.at];
    let last = this.#markClass(walk.at)?.last;
    if (skippedFirst === undefined || last === undefined) return [];
    const windowEnd = this.#windowEnd(walk.at + 1);
    let skipped = [skippedFirst];
    let gap: number[] = [];
    let used: readonly number[] = [];
    walk.at++;
    while (walk.node.children.size > 0 && walk.at < windowEnd) {
      const markClass = this.#markClass(walk.at);
      if (markClass === undefined || markClass.first <= last) break;
      last = markClass.last;
      const from = walk.at;
      advance(walk, text, windowEnd);
      if (walk.at === from) {
        skipped.push(text[from] ?? 0);
        walk.at++;
        continue;
      }
      gap = [...gap, ...skipped];
      skipped = [];
      if (walk.bestEnd === walk.at) used = gap;
    }
    return used;
  }

  #windowEnd(from: number): number {
    let marks = 0;
    let at = from;
    for (; at < this.#text.length; at++) {
      const markClass = this.#markClass(at);
      if (markClass === undefined) break;
      marks += markClass.marks;
      if (marks > MARKS_MAX) break;
    }
    return at;
  }

  #markClass(at: number): MarkClass | undefined {
    return this.#weights.markClasses.get(this.#text[at] ?? -1);
  }
}

/** A way down the contraction tree, and the longest contraction met on it. */
interface Walk {
  node: ContractionNode;
  at: number;
  best: readonly number[];
  bestEnd: number;
}

function advance(walk: Walk, text: Uint32Array, end: number): void {
  while (walk.at < end) {
    const child = walk.node.children.get(text[walk.at] ?? -1);
    if (child === undefined) return;
    walk.node = child;
    walk.at++;
    if (child.elements !== undefined) {
      walk.best = child.elements;
      walk.bestEnd = walk.at;
    }
  }
}

function elementsOf(weights: Weights, codePoint: number): readonly number[] {
  const cell = weights.pages[codePoint >> PAGE_BITS]?.[codePoint & PAGE_MASK] ?? UNLISTED;
  if (cell >= 0) return [cell];
  if (cell <= BLOCK_FIRST) return weights.blocks[BLOCK_FIRST - cell] ?? [];
  if (codePoint >= HANGUL_FIRST && codePoint <= HANGUL_LAST) {
    return jamoOf(codePoint).flatMap((jamo) => elementsOf(weights, jamo));
  }
  return [implicitWeight(weights, codePoint) * 256];
}

/** The arithmetic decomposition of chapter 3.12 of the Unicode Standard. */
function jamoOf(syllable: number): readonly number[] {
  const index = syllable - HANGUL_FIRST;
  const trailing = index % 28;
  const jamo = [0x1100 + Math.floor(index / 588), 0x1161 + Math.floor((index % 588) / 28)];
  return trailing === 0 ? jamo : [...jamo, 0x11a7 + trailing];
}

function implicitWeight(weights: Weights, codePoint: number): number {
  if (!isIdeographic(weights.ideographic, codePoint)) return codePoint + 0x50000;
  const core = (codePoint >= 0x4e00 && codePoint <= 0x9fff) || (codePoint >= 0xf900 && codePoint <= 0xfaff);
  return codePoint + (core ? 0x10000 : 0x20000);
}

function isIdeographic(ranges: readonly number[], codePoint: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) {
    if (codePoint >= (ranges[i] ?? 0) && codePoint <= (ranges[i + 1] ?? 0)) return true;
  }
  return false;
}

function classOf(element: number | undefined): number {
  return (element ?? 0) & 0xff;
}

/** The code points of valid UTF-8; U+FEFF is ordinary text. */
function codePointsOf(text: Buffer): Uint32Array {
  const codePoints = new Uint32Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; ) {
    const lead = text[i++] ?? 0;
    if (lead < 0x80) codePoints[length++] = lead;
    else {
      const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
      let codePoint = lead & (0x3f >> more);
      for (let k = 0; k < more; k++) codePoint = (codePoint << 6) | ((text[i++] ?? 0) & 0x3f);
      codePoints[length++] = codePoint;
    }
  }
  return codePoints.subarray(0, length);
}

function loadWeights(): Weights {
  const json = readJson(inflateLooseWeights(), "weights");
  assert(isJsonObject(json), "the weights are an object");
  const pages: (Int32Array | undefined)[] = [];
  const blocks: (readonly number[])[] = [];

  function setCell(codePoint: number, cell: number): void {
    const page = (pages[codePoint >> PAGE_BITS] ??= new Int32Array(PAGE_CELLS).fill(UNLISTED));
    page[codePoint & PAGE_MASK] = cell;
  }

  for (const [first, count, weight, step] of groups(numbersOf(json.get("single")), 4)) {
    for (let i = 0; i < (count ?? 0); i++) setCell((first ?? 0) + i, ((weight ?? 0) + i * (step ?? 0)) * 256);
  }
  for (const [first, count, markClass] of groups(numbersOf(json.get("marks")), 3)) {
    for (let i = 0; i < (count ?? 0); i++) setCell((first ?? 0) + i, markClass ?? 0);
  }
  for (const entry of listOf(json.get("multi"))) {
    const [codePoint, ...elements] = listOf(entry);
    setCell(numberOf(codePoint), BLOCK_FIRST - blocks.length);
    blocks.push(elements.map(elementOf));
  }

  const contractions = new Map<number, ContractionNode>();
  for (const entry of listOf(json.get("contractions"))) {
    const [codePoints, elements] = listOf(entry);
    let children = contractions;
    let node: ContractionNode | undefined;
    for (const codePoint of numbersOf(codePoints)) {
      node = children.get(codePoint) ?? { children: new Map(), elements: undefined };
      children.set(codePoint, node);
      children = node.children;
    }
    if (node !== undefined) node.elements = listOf(elements).map(elementOf);
  }
  // A code point that begins a contraction becomes a block, so that one look at the cell tells that it is not alone.
  for (const codePoint of contractions.keys()) {
    const cell = pages[codePoint >> PAGE_BITS]?.[codePoint & PAGE_MASK] ?? UNLISTED;
    if (cell < 0) continue;
    setCell(codePoint, BLOCK_FIRST - blocks.length);
    blocks.push([cell]);
  }

  const markClasses = new Map<number, MarkClass>();
  for (const [first, count, markClass] of groups(numbersOf(json.get("combiningClass")), 3)) {
    const both = { first: markClass ?? 0, last: markClass ?? 0, marks: 1 } as const;
    for (let i = 0; i < (count ?? 0); i++) markClasses.set((first ?? 0) + i, both);
  }
  for (const [codePoint, first, last] of groups(numbersOf(json.get("combiningPair")), 3)) {
    markClasses.set(codePoint ?? 0, { first: first ?? 0, last: last ?? 0, marks: 2 });
  }

  return { pages, blocks, contractions, markClasses, ideographic: numbersOf(json.get("ideographic")) };
}

/** n >= 0: weight n; n < 0: a mark of class -n without weight; [weight, class]. */
function elementOf(json: JsonValue): number {
  if (isJsonArray(json)) return numberOf(json[0]) * 256 + numberOf(json[1]);
  const number = numberOf(json);
  return number < 0 ? -number : number * 256;
}

function groups(list: readonly number[], size: number): number[][] {
  return Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size));
}

function listOf(json: JsonValue | undefined): readonly JsonValue[] {
  assert(isJsonArray(json), "a list in the weights");
  return json;
}

function numbersOf(json: JsonValue | undefined): readonly number[] {
  return listOf(json).map(numberOf);
}

function numberOf(json: JsonValue | undefined): number {
  assert(isJsonNumber(json), "a number in the weights");
  return Number(json.text);
}
