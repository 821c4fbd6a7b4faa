// Reads of a JPEG's metadata what changes the picture: its colours and its orientation.

import { orientation } from "./orientation.js";
import { big32, byteAt, isAt, need } from "./parts.js";

const EXIF_HEAD = "Exif\0\0";
const XMP_HEAD = "http://ns.adobe.com/xap/1.0/\0";
const PHOTOSHOP_HEAD = "Photoshop 3.0\0";
const MAX_RESOURCES = 2_000;

/** What the segments so far tell. */
export class JpegMetadata {
  private components: number[] = [];
  private hasJfif = false;
  private transform: number | undefined;
  private exif: Uint8Array | undefined;
  private xmp: Uint8Array | undefined;
  private resources = 0;

  /** Takes the components' numbers from the frame's head. */
  readFrame(frame: Uint8Array): void {
    need(frame.length === 6 + 3 * byteAt(frame, 5));
    this.components = [...frame].filter((_, place) => place >= 6 && place % 3 === 0);
  }

  /** Looks into a segment of metadata. `body` is what follows its length. */
  read(marker: number, body: Uint8Array): void {
    if (marker === 0xe0 && isAt(body, "JFIF")) {
      need(isAt(body, "JFIF\0") && body.length >= 14);
      this.hasJfif = true;
    } else if (marker === 0xee && isAt(body, "Adobe")) {
      need(this.transform === undefined && body.length >= 12);
      this.transform = byteAt(body, 11);
    } else if (marker === 0xe1 && isAt(body, EXIF_HEAD)) {
      need(this.exif === undefined);
      this.exif = body.subarray(EXIF_HEAD.length);
    } else if (marker === 0xe1 && isAt(body, XMP_HEAD)) {
      need(this.xmp === undefined);
      this.xmp = body.subarray(XMP_HEAD.length);
    } else if (marker === 0xe2 && isAt(body, "ICC_PROFILE\0")) {
      need(body.length >= 14);
    } else if (marker === 0xed && isAt(body, PHOTOSHOP_HEAD)) {
      this.checkResources(body);
    }
  }

  /** Returns 1 to 8. */
  orientation(): number {
    return orientation(this.exif, this.xmp);
  }

  /** Returns the letter of what the components mean, as libjpeg decides it. */
  colours(): number {
    const letter = this.letter();
    need(letter !== undefined);
    return letter.charCodeAt(0);
  }

  private letter(): "G" | "Y" | "R" | "C" | "K" | undefined {
    const { hasJfif, transform } = this;
    switch (this.components.length) {
      case 1:
        return "G";
      case 3:
        if (transform === 1 || (hasJfif && transform === undefined)) return "Y";
        if (hasJfif) return undefined;
        if (transform === 0) return "R";
        if (transform !== undefined) return undefined;
        return ({ "1,2,3": "Y", "0,1,2": "Y", "82,71,66": "R" } as const)[this.components.join()];
      case 4:
        return transform === undefined || transform === 0 ? "C" : transform === 2 ? "K" : undefined;
      default:
        return undefined;
    }
  }

  /** Refuses a segment in which the head of a resource is cut off. */
  private checkResources(body: Uint8Array): void {
    let at = PHOTOSHOP_HEAD.length;
    while (isAt(body, "8BIM", at)) {
      this.resources++;
      need(this.resources <= MAX_RESOURCES);
      let nameEnd = at + 7 + byteAt(body, at + 6);
      nameEnd += nameEnd % 2;
      at = nameEnd + 4 + big32(body, nameEnd);
      at += at % 2;
    }
  }
}
