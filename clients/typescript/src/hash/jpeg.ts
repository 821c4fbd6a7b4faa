// Reads of a JPEG what decodes: all segments but metadata, whole and in order, up to the first end of image, and what
// metadata says of colours and orientation.

import { JpegMetadata } from "./jpeg-metadata.js";
import { big16, byteAt, need } from "./parts.js";

const MAX_SEGMENTS = 800;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
const COMMENT = 0xfe;
const FRAMES = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];
const TABLES = [0xc4, 0xcc, 0xdb, 0xdd];

/** Returns what is hashed of a JPEG. */
export function jpegParts(data: Uint8Array): Uint8Array[] {
  const metadata = new JpegMetadata();
  const parts = [data.subarray(0, 2)];
  let [frames, scans, at] = [0, 0, 2];
  for (let segment = 0; segment < MAX_SEGMENTS; segment++) {
    need(byteAt(data, at) === 0xff);
    while (data[at] === 0xff) at++; // all but the last are filling
    const marker = byteAt(data, at);
    need(marker !== 0);
    const start = at + 1;
    if (marker === END_OF_IMAGE) {
      need(scans > 0);
      parts.push(data.subarray(start - 2, start), Uint8Array.of(metadata.colours(), metadata.orientation()));
      return parts;
    }
    const length = big16(data, start);
    at = start + length;
    need(length >= 2 && at <= data.length);
    const body = data.subarray(start + 2, at);
    if ((marker >= 0xe0 && marker <= 0xef) || marker === COMMENT) {
      need(scans === 0);
      metadata.read(marker, body);
      continue;
    }
    parts.push(data.subarray(start - 2, at));
    if (FRAMES.includes(marker)) {
      frames++;
      need(frames === 1 && scans === 0);
      metadata.readFrame(body);
    } else if (marker === START_OF_SCAN) {
      scans++;
      need(frames === 1);
      const end = endOfScan(data, at);
      parts.push(data.subarray(at, end));
      at = end;
    } else {
      need(TABLES.includes(marker));
    }
  }
  need(false);
}

/** Inside a scan FF is followed by 0 or by the number of a restart. */
function endOfScan(data: Uint8Array, at: number): number {
  for (;;) {
    at = data.indexOf(0xff, at);
    need(at >= 0);
    const next = byteAt(data, at + 1);
    if (next !== 0 && (next < 0xd0 || next > 0xd7)) return at;
    at += 2;
  }
}
