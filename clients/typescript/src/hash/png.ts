// Reads of a PNG what decodes: header, palette, transparency, and the compressed pixels however they are cut into
// chunks. All checksums must be right, and the chunks in the order that the standard wants.

import { big32, bigBytes, bytesOf, need, textOf } from "./parts.js";
import { PngMetadata } from "./png-metadata.js";

const MAX_CHUNKS = 10_000;
const SIGNATURE_BYTES = 8;

/** Returns what is hashed of a PNG. */
export function pngParts(data: Uint8Array): Uint8Array[] {
  const metadata = new PngMetadata();
  const parts: Uint8Array[] = [];
  const seen = new Set<string>();
  let before: string | undefined;
  let pixelBytes = 0;
  let at = SIGNATURE_BYTES;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const start = at + 8;
    const end = start + big32(data, at);
    need(big32(data, end) === crc32(data.subarray(at + 4, end)));
    const kind = textOf(data.subarray(at + 4, start));
    const body = data.subarray(start, end);
    at = end + 4;
    need(/^[A-Za-z]{4}$/.test(kind));
    need((kind === "IHDR") === (before === undefined));
    switch (kind) {
      case "IHDR":
        need(body.length === 13);
        parts.push(body);
        break;
      case "PLTE":
      case "tRNS":
        need(!seen.has(kind) && !seen.has("IDAT"));
        parts.push(bytesOf(kind), bigBytes(body.length, 4), body);
        break;
      case "IDAT":
        if (before !== "IDAT") {
          need(!seen.has(kind));
          parts.push(bytesOf(kind));
        }
        pixelBytes += body.length;
        parts.push(body);
        break;
      case "IEND":
        need(seen.has("IDAT") && body.length === 0);
        parts.push(bigBytes(pixelBytes, 8), Uint8Array.of(metadata.orientation()));
        return parts;
      default:
        metadata.read(kind, body);
    }
    seen.add(kind);
    before = kind;
  }
  need(false);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(data: Uint8Array): number {
  let crc = ~0;
  for (let place = 0; place < data.length; place++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ data[place]!) & 0xff]!;
  return ~crc >>> 0;
}
