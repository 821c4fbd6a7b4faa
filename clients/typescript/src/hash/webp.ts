// Reads of a WebP what decodes: the canvas, whether it has transparency, and the coded picture; of an animation all
// frames.

import { orientation } from "./orientation.js";
import { bigBytes, byteAt, bytesOf, isAt, little16, little32, need, textOf } from "./parts.js";

const MAX_CHUNKS = 10_000;
const FIRST_CHUNK = 12;
const ANIMATED = 0x02;
const HAS_ALPHA = 0x10;
const UNKNOWN_FLAGS = 0xc1;

/** Metadata counts where its flag is set. */
const FLAG_OF: Record<string, number> = { EXIF: 0x08, "XMP ": 0x04, ICCP: 0x20 };

interface Chunk {
  kind: string;
  body: Uint8Array;
}

/** Whether there is transparency, and the size: each side less one, in three bytes. */
interface Canvas {
  hasAlpha: boolean;
  size: Uint8Array;
}

/** Returns what is hashed of a WebP. */
export function webpParts(data: Uint8Array): Uint8Array[] {
  const chunks = readChunks(data);
  const [first] = chunks;
  need(first !== undefined);
  if (first.kind !== "VP8X") {
    need(chunks.length === 1);
    return [...stillParts(chunks), Uint8Array.of(orientation())];
  }
  const flags = byteAt(first.body, 0);
  need(first.body.length === 10 && (flags & UNKNOWN_FLAGS) === 0 && isAt(first.body, "\0\0\0", 1));
  const canvas = { hasAlpha: (flags & HAS_ALPHA) !== 0, size: first.body.subarray(4) };
  const { metadata, pictures } = sorted(chunks.slice(1), flags);
  const turned = Uint8Array.of(orientation(withoutHead(metadata.get("EXIF")), metadata.get("XMP ")));
  if ((flags & ANIMATED) === 0) return [...stillParts(pictures, canvas), turned];
  need(pictures[0]?.kind === "ANIM" && pictures.length > 1);
  need(pictures.slice(1).every((picture) => picture.kind === "ANMF"));
  return [bytesOf("animated"), Uint8Array.of(flags & HAS_ALPHA), canvas.size, ...pictures.flatMap(chunkParts), turned];
}

/** Returns the chunks, which fill the length that the head tells. What is behind that is not of the picture. */
function readChunks(data: Uint8Array): Chunk[] {
  const end = 8 + little32(data, 4);
  need(end <= data.length);
  const chunks: Chunk[] = [];
  let at = FIRST_CHUNK;
  while (at !== end) {
    const length = little32(data, at + 4);
    const kind = textOf(data.subarray(at, at + 4));
    const start = at + 8;
    at = start + length + (length % 2);
    need(at <= end && chunks.length + 1 < MAX_CHUNKS);
    chunks.push({ kind, body: data.subarray(start, start + length) });
  }
  return chunks;
}

/** Returns the metadata by its type, and the chunks of which the picture is made, in their order. */
function sorted(chunks: Chunk[], flags: number): { metadata: Map<string, Uint8Array>; pictures: Chunk[] } {
  const metadata = new Map<string, Uint8Array>();
  const pictures: Chunk[] = [];
  chunks.forEach((chunk, place) => {
    const flag = FLAG_OF[chunk.kind];
    if (flag === undefined) {
      pictures.push(chunk);
      return;
    }
    need(!metadata.has(chunk.kind) && chunk.body.length > 0 && (flags & flag) !== 0);
    need(chunks[place - 1]?.kind !== "ALPH");
    metadata.set(chunk.kind, chunk.body);
  });
  return { metadata, pictures };
}

/** Returns what is hashed of one picture: its transparency and size, which must be those of the canvas, and itself. */
function stillParts(chunks: Chunk[], canvas?: Canvas): Uint8Array[] {
  const alpha = chunks[0]?.kind === "ALPH" ? chunks[0] : undefined;
  const picture = chunks[alpha ? 1 : 0];
  need(picture !== undefined && chunks.length === (alpha ? 2 : 1));
  need(picture.kind === "VP8 " || (picture.kind === "VP8L" && !alpha));
  const own = picture.kind === "VP8L" ? losslessCanvas(picture.body) : lossyCanvas(picture.body, alpha !== undefined);
  if (canvas) need(canvas.hasAlpha === own.hasAlpha && canvas.size.every((byte, place) => byte === own.size[place]));
  else need(!alpha);
  return [
    bytesOf("still"),
    Uint8Array.of(own.hasAlpha ? 1 : 0),
    own.size,
    ...(alpha ? chunkParts(alpha) : []),
    ...chunkParts(picture),
  ];
}

/** RFC 6386, section 9.1. */
function lossyCanvas(body: Uint8Array, hasAlpha: boolean): Canvas {
  need((byteAt(body, 0) & 1) === 0 && isAt(body, "\x9d\x01\x2a", 3));
  return { hasAlpha, size: sizeBytes(little16(body, 6) & 0x3fff, little16(body, 8) & 0x3fff) };
}

/** RFC 9649, section 3.4. */
function losslessCanvas(body: Uint8Array): Canvas {
  need(byteAt(body, 0) === 0x2f);
  const bits = little32(body, 1);
  return { hasAlpha: (bits & 0x10000000) !== 0, size: sizeBytes((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1) };
}

function sizeBytes(width: number, height: number): Uint8Array {
  need(width > 0 && height > 0);
  return Uint8Array.from([width - 1, height - 1].flatMap((side) => [side & 255, (side >> 8) & 255, side >> 16]));
}

function chunkParts({ kind, body }: Chunk): Uint8Array[] {
  return [bytesOf(kind), bigBytes(body.length, 4), body];
}

function withoutHead(exif: Uint8Array | undefined): Uint8Array | undefined {
  return exif && isAt(exif, "Exif\0\0") ? exif.subarray(6) : exif;
}
