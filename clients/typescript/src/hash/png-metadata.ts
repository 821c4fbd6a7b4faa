// Looks into those chunks of a PNG that are not hashed: for the orientation, and for what makes Pillow refuse a file or
// read it otherwise.

import { inflatedLength } from "./inflate.js";
import { orientation } from "./orientation.js";
import { byteAt, MAX_METADATA_BYTES, need, textOf } from "./parts.js";

const MAX_COMPRESSED_CHUNKS = 8;
const MAX_SKIPPED_BYTES = 32 * 1024 * 1024;
const EXACT_LENGTHS: Record<string, number> = { gAMA: 4, cHRM: 32, sRGB: 1, pHYs: 9 };
const XMP = "XML:com.adobe.xmp";

/** What the chunks so far tell. */
export class PngMetadata {
  private exif: Uint8Array | undefined;
  private xmp: Uint8Array | undefined;
  private compressed = 0;
  private skippedBytes = 0;

  /** Returns 1 to 8. */
  orientation(): number {
    return orientation(this.exif, this.xmp);
  }

  /** Looks into a chunk that is not hashed. */
  read(kind: string, body: Uint8Array): void {
    need(/^[a-z]/.test(kind) && !["acTL", "fcTL", "fdAT"].includes(kind));
    need(body.length === (EXACT_LENGTHS[kind] ?? body.length));
    this.skippedBytes += body.length;
    need(this.skippedBytes <= MAX_SKIPPED_BYTES);
    switch (kind) {
      case "eXIf":
        need(this.exif === undefined);
        this.exif = body;
        break;
      case "tEXt":
        checkKeyword(keyword(body)[0]);
        break;
      case "zTXt": {
        const [name, rest] = keyword(body);
        checkKeyword(name);
        this.checkCompressed(byteAt(rest, 0), rest.subarray(1));
        break;
      }
      case "iCCP": {
        const profile = keyword(body)[1];
        this.checkCompressed(byteAt(profile, 0), profile.subarray(1));
        break;
      }
      case "iTXt":
        this.readInternational(...keyword(body));
    }
  }

  private readInternational(name: string, rest: Uint8Array): void {
    const [compressed, method] = [byteAt(rest, 0), byteAt(rest, 1)];
    // A language and the keyword in that language, each ended by a zero byte, stand before the text.
    const head = rest.subarray(2, 2 + 1024);
    const languageEnd = head.indexOf(0);
    const translatedEnd = head.indexOf(0, languageEnd + 1);
    need(languageEnd >= 0 && translatedEnd >= 0 && compressed <= 1 && method === 0);
    const text = rest.subarray(2 + translatedEnd + 1);
    if (name === XMP) {
      need(this.xmp === undefined && compressed === 0);
      this.xmp = text;
      return;
    }
    checkKeyword(name);
    if (compressed === 1) this.checkCompressed(method, text);
  }

  /** Refuses what is damaged or inflates to 1 MiB or more, as Pillow does. */
  private checkCompressed(method: number, stream: Uint8Array): void {
    this.compressed++;
    need(method === 0 && this.compressed <= MAX_COMPRESSED_CHUNKS);
    inflatedLength(stream, MAX_METADATA_BYTES);
  }
}

/** Returns the keyword with which a chunk begins and what follows the zero byte behind it. */
function keyword(body: Uint8Array): [string, Uint8Array] {
  const end = body.subarray(0, 80).indexOf(0);
  need(end >= 1);
  return [textOf(body.subarray(0, end)), body.subarray(end + 1)];
}

/** Refuses names under which Pillow keeps notes of its own. */
function checkKeyword(name: string): void {
  need(name !== XMP && !/^(?:[a-z_0-9]+|Raw profile type exif[^]*)$/.test(name));
}
