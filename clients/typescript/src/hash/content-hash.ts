// Names a photo by what decodes of its file, without metadata. The rules, byte by byte, are the service's page
// docs/content-hash.md; a file that is odd in any way has no name, which is always a right answer.

import { gifParts } from "./gif.js";
import { heifParts } from "./heif.js";
import { jpegParts } from "./jpeg.js";
import { bytesOf, isAt, NoNameError } from "./parts.js";
import { pngParts } from "./png.js";
import { type Digest, sha256 } from "./sha256.js";
import { webpParts } from "./webp.js";

const PREFIX = "c1";

/** What a photo is asked for by. */
export interface Hashes {
  /** SHA-256 of the file, in hexadecimal. */
  imageHash: string;
  /** `c1:` and 64 hexadecimal digits; null: the file has no name of that kind. */
  contentHash: string | null;
}

/** Returns both names of a photo. */
export async function hashesOf(data: Uint8Array, digest?: Digest): Promise<Hashes> {
  return { imageHash: await sha256([data], digest), contentHash: await contentHash(data, digest) };
}

/** Returns the content hash of an image file, or null where it has none. */
export async function contentHash(data: Uint8Array, digest?: Digest): Promise<string | null> {
  const parts = partsOf(data);
  return parts && `${PREFIX}:${await sha256(parts, digest)}`;
}

function partsOf(data: Uint8Array): Uint8Array[] | null {
  const [format, read] = readerOf(data);
  try {
    return read ? [bytesOf(`${PREFIX}\0${format}\0`), ...read(data)] : null;
  } catch (error) {
    if (error instanceof NoNameError) return null;
    throw error;
  }
}

function readerOf(data: Uint8Array): [string, ((data: Uint8Array) => Uint8Array[])?] {
  if (isAt(data, "\xff\xd8\xff")) return ["jpeg", jpegParts];
  if (isAt(data, "\x89PNG\r\n\x1a\n")) return ["png", pngParts];
  if (isAt(data, "GIF87a") || isAt(data, "GIF89a")) return ["gif", gifParts];
  if (isAt(data, "RIFF") && isAt(data, "WEBP", 8)) return ["webp", webpParts];
  if (isAt(data, "ftypheic", 4) || isAt(data, "ftypheix", 4)) return ["heic", heifParts];
  return [""];
}
