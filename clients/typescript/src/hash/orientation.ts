// Finds out how a photo is turned upright, from its Exif and XMP. Only what is well formed has a meaning; all else
// leaves the file without a name.

import { big16, big32, isAt, little16, little32, MAX_METADATA_BYTES, need, textOf } from "./parts.js";

const MAX_TAGS = 512;
const ORIENTATION = 0x0112;

/** Bytes of one value, by the number of its type. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];

/** Type of the tags that Pillow looks into; each must have a count of one. */
const REQUIRED_TYPES: Record<number, number> = { [ORIENTATION]: 3, 0x011a: 5, 0x0128: 3 };

/** Returns 1 to 8. `exif` begins with the TIFF header, `xmp` is the text of the packet. */
export function orientation(exif?: Uint8Array, xmp?: Uint8Array): number {
  const found = (exif && fromExif(exif)) ?? (xmp && fromXmp(xmp)) ?? 1;
  return found >= 1 && found <= 8 ? found : 1;
}

function fromExif(exif: Uint8Array): number | undefined {
  const isLittle = isAt(exif, "II*\0");
  need(isLittle || isAt(exif, "MM\0*"));
  const [u16, u32] = isLittle ? [little16, little32] : [big16, big32];
  const directory = u32(exif, 4);
  const tags = u16(exif, directory);
  need(directory >= 8 && tags <= MAX_TAGS);
  let found: number | undefined;
  let outside = 0;
  for (let index = 0; index < tags; index++) {
    const at = directory + 2 + 12 * index;
    const [tag, type, count, offset] = [u16(exif, at), u16(exif, at + 2), u32(exif, at + 4), u32(exif, at + 8)];
    const valueBytes = TYPE_BYTES[type];
    need(valueBytes !== undefined);
    const required = REQUIRED_TYPES[tag];
    need(required === undefined || (type === required && count === 1));
    const size = valueBytes * count;
    if (size > 4) {
      need(offset + size <= exif.length);
      outside += size;
    }
    if (tag === ORIENTATION) {
      need(found === undefined);
      found = u16(exif, at + 8);
    }
  }
  need(outside <= exif.length);
  return found;
}

function fromXmp(xmp: Uint8Array): number | undefined {
  need(xmp.length <= MAX_METADATA_BYTES);
  const digit = /tiff:Orientation(?:="|>)([0-9])/.exec(textOf(xmp))?.[1];
  return digit === undefined ? undefined : Number(digit);
}
