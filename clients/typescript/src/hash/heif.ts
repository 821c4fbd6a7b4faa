// Reads of a HEIC file all bytes but those of its Exif and XMP: in place, since Android blanks inside them where a
// photo was taken. No other item may share bytes with them.

import { orientation } from "./orientation.js";
import { big16, big32, bigBytes, byteAt, isAt, MAX_METADATA_BYTES, need, textOf } from "./parts.js";

const MAX_BOXES = 4_096;
const BOX_HEAD = 8;
const TOP_LEVEL = ["ftyp", "meta", "mdat", "free", "skip", "uuid", "mpvd"];

/** A part of the file; of a box: its body. */
interface Piece {
  start: number;
  end: number;
}

interface Box extends Piece {
  kind: string;
}

/** Returns what is hashed of a HEIC file. */
export function heifParts(data: Uint8Array): Uint8Array[] {
  const top = readBoxes(data, 0, data.length);
  need(top.every((box) => TOP_LEVEL.includes(box.kind)));
  const meta = only(top, "meta");
  const inner = readBoxes(data, meta.start + 4, meta.end);
  const kinds = readItems(data, only(inner, "iinf"));
  const places = readPlaces(data, only(inner, "iloc"));
  const metadata = new Map<string, Piece>();
  for (const [item, kind] of kinds) {
    if (kind !== "Exif" && kind !== "mime") continue;
    const [piece, ...more] = places.get(item) ?? [];
    need(piece !== undefined && more.length === 0 && !metadata.has(kind));
    metadata.set(kind, piece);
  }
  const cutOut = [...metadata.values()].sort((one, other) => one.start - other.start);
  const media = top.filter((box) => box.kind === "mdat");
  checkAlone(cutOut, [...places.values()].flat(), media);
  const heads = cutOut.flatMap(({ start, end }) => [bigBytes(start, 8), bigBytes(end, 8)]);
  let at = 0;
  const kept = cutOut.map(({ start, end }) => {
    const part = data.subarray(at, start);
    at = end;
    return part;
  });
  const turned = orientationOf(data, metadata);
  return [Uint8Array.of(cutOut.length), ...heads, ...kept, data.subarray(at), Uint8Array.of(turned)];
}

/** Returns the boxes that fill this part of the file exactly. */
function readBoxes(data: Uint8Array, at: number, end: number): Box[] {
  const boxes: Box[] = [];
  while (at < end) {
    const size = big32(data, at);
    need(size >= BOX_HEAD && at + size <= end && boxes.length < MAX_BOXES);
    boxes.push({ kind: textOf(data.subarray(at + 4, at + 8)), start: at + BOX_HEAD, end: at + size });
    at += size;
  }
  return boxes;
}

function only(boxes: Box[], kind: string): Box {
  const [found, ...more] = boxes.filter((box) => box.kind === kind);
  need(found !== undefined && more.length === 0);
  return found;
}

/** Returns the type of each item by its number; `mime` for XMP alone. */
function readItems(data: Uint8Array, box: Box): Map<number, string> {
  const version = byteAt(data, box.start);
  need(version <= 1);
  const countBytes = version === 1 ? 4 : 2;
  const count = new Numbers(data, box.start + 4, box.end).read(countBytes);
  const kinds = new Map<number, string>();
  for (const entry of readBoxes(data, box.start + 4 + countBytes, box.end)) {
    need(entry.kind === "infe" && (data[entry.start] === 2 || data[entry.start] === 3));
    const isShort = data[entry.start] === 2;
    const at = entry.start + (isShort ? 6 : 8);
    const item = isShort ? big16(data, at - 2) : big32(data, at - 4);
    need(!kinds.has(item) && big16(data, at) === 0);
    big32(data, at + 2); // the type lies within the file
    const kind = textOf(data.subarray(at + 2, at + 6));
    const described = textOf(data.subarray(at + 6, Math.max(at + 6, entry.end)));
    const isXmp = /^[^\0]*\0application\/rdf\+xml\0\0?$/.test(described);
    kinds.set(item, kind !== "mime" || isXmp ? kind : "other");
  }
  need(kinds.size === count);
  return kinds;
}

/** Returns where in the file the bytes of each item are. */
function readPlaces(data: Uint8Array, box: Box): Map<number, Piece[]> {
  const [version, sizes, baseAndIndex] = [box.start, box.start + 4, box.start + 5].map((at) => byteAt(data, at)) as [
    number,
    number,
    number,
  ];
  need(version <= 2 && (baseAndIndex & 15) === 0);
  const numbers = new Numbers(data, box.start + 6, box.end);
  const numberBytes = version === 2 ? 4 : 2;
  const places = new Map<number, Piece[]>();
  let extents = 0;
  for (let left = numbers.read(numberBytes); left > 0; left--) {
    const item = numbers.read(numberBytes);
    const method = version > 0 ? numbers.read(2) : 0;
    need(numbers.read(2) === 0 && method <= 1 && !places.has(item));
    const base = numbers.read(baseAndIndex >> 4);
    const pieces: Piece[] = [];
    for (let more = numbers.read(2); more > 0; more--) {
      const start = base + numbers.read(sizes >> 4);
      const length = numbers.read(sizes & 15);
      extents++;
      need(length > 0 && extents <= MAX_BOXES);
      if (method === 0) pieces.push({ start, end: start + length }); // else inside the box of metadata, which is hashed
    }
    places.set(item, pieces);
  }
  return places;
}

/** Reads numbers one after another, the high byte first. */
class Numbers {
  constructor(
    private readonly data: Uint8Array,
    private at: number,
    private readonly end: number,
  ) {}

  read(size: number): number {
    need([0, 2, 4, 8].includes(size) && this.at + size <= this.end);
    let value = 0;
    for (const end = this.at + size; this.at < end; this.at++) value = value * 256 + byteAt(this.data, this.at);
    return value;
  }
}

/** Refuses metadata that is not inside the media data, or shares a byte with any other piece. */
function checkAlone(metadata: Piece[], pieces: Piece[], media: Box[]): void {
  for (const { start, end } of metadata) {
    need(pieces.filter((piece) => piece.start < end && start < piece.end).length === 1); // itself
    need(media.some((box) => box.start <= start && end <= box.end));
  }
}

/** Returns the orientation that Exif tells. The decoder turns the picture by other boxes, and takes this one back. */
function orientationOf(data: Uint8Array, metadata: Map<string, Piece>): number {
  const texts = new Map([...metadata].map(([kind, { start, end }]) => [kind, data.subarray(start, end)]));
  need([...texts.values()].every((text) => text.length <= MAX_METADATA_BYTES));
  need(!textOf(texts.get("mime") ?? new Uint8Array()).includes("Orientation"));
  const exif = texts.get("Exif");
  if (exif === undefined) return orientation();
  if (isAt(exif, "\0\0\0\x06Exif\0\0")) return orientation(exif.subarray(10));
  need(isAt(exif, "\0\0\0\0"));
  return orientation(exif.subarray(4));
}
