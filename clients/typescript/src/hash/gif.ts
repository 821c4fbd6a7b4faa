// Reads of a GIF what decodes: screen, palettes, the control of the first picture, and from that picture on all bytes
// to the end of the file.

import { byteAt, isAt, need } from "./parts.js";

const MAX_BLOCKS = 65_536;
const MAX_BLOCKS_BEFORE_PICTURE = 10_000;
const EXTENSION = 0x21;
const PICTURE = 0x2c;
const TRAILER = 0x3b;
const GRAPHIC_CONTROL = 0xf9;
const COMMENT = 0xfe;
const APPLICATION = 0xff;

/** Returns what is hashed of a GIF. */
export function gifParts(data: Uint8Array): Uint8Array[] {
  let at = 13 + paletteBytes(byteAt(data, 10));
  need(at <= data.length);
  const parts = [data.subarray(0, at)];
  let controls = 0;
  let budget = MAX_BLOCKS_BEFORE_PICTURE;
  while (byteAt(data, at) === EXTENSION) {
    budget--;
    need(budget > 0);
    const start = at + 2;
    const label = byteAt(data, at + 1);
    const [end, blocks] = skipBlocks(data, start, budget);
    budget -= blocks;
    if (label === GRAPHIC_CONTROL) {
      controls++;
      need(controls === 1 && data[start] === 4 && blocks === 1);
      parts.push(data.subarray(at, end));
    } else if (label !== COMMENT) {
      need(blocks > 0);
      need(label !== APPLICATION || blocks > 1 || !isAt(data, "NETSCAPE2.0", start + 1));
    }
    at = end;
  }
  need(data[at] === PICTURE);
  checkToTheTrailer(data, at);
  parts.push(data.subarray(at));
  return parts;
}

/** Refuses a file that is cut off before its end, or has other things than pictures and extensions. */
function checkToTheTrailer(data: Uint8Array, at: number): void {
  let budget = MAX_BLOCKS;
  while (byteAt(data, at) !== TRAILER) {
    need(data[at] === PICTURE || data[at] === EXTENSION);
    const start = data[at] === PICTURE ? at + 10 + paletteBytes(byteAt(data, at + 9)) + 1 : at + 2;
    const [end, blocks] = skipBlocks(data, start, budget);
    budget -= blocks + 1;
    at = end;
  }
}

/** Returns where the blocks end that begin at `at`, and how many there are before the empty one that ends them. */
function skipBlocks(data: Uint8Array, at: number, most: number): [number, number] {
  for (let blocks = 0; blocks < most; blocks++) {
    const length = byteAt(data, at);
    at += 1 + length;
    if (length === 0) return [at, blocks];
  }
  need(false);
}

function paletteBytes(flags: number): number {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}
