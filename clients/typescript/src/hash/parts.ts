// What the readers of all formats share: the error for a file without a name, and numbers read within bounds.

/** Most bytes of one piece of metadata that is searched or inflated. */
export const MAX_METADATA_BYTES = 1024 * 1024;

/** The file is damaged, cut off, or built in a way for which equal pixels cannot be promised. */
export class NoNameError extends Error {}

/** Throws `NoNameError` unless a rule of the format is kept. */
export function need(fulfilled: boolean): asserts fulfilled {
  if (!fulfilled) throw new NoNameError();
}

export function byteAt(data: Uint8Array, at: number): number {
  const byte = data[at];
  need(byte !== undefined);
  return byte;
}

export function big16(data: Uint8Array, at: number): number {
  return byteAt(data, at) * 0x100 + byteAt(data, at + 1);
}

export function big32(data: Uint8Array, at: number): number {
  return big16(data, at) * 0x10000 + big16(data, at + 2);
}

export function little16(data: Uint8Array, at: number): number {
  return byteAt(data, at) + byteAt(data, at + 1) * 0x100;
}

export function little32(data: Uint8Array, at: number): number {
  return little16(data, at) + little16(data, at + 2) * 0x10000;
}

/** Returns a number as so many bytes, the high byte first. */
export function bigBytes(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let place = size - 1; place >= 0; place--) {
    bytes[place] = value % 256;
    value = Math.floor(value / 256);
  }
  return bytes;
}

/** Returns the bytes of a text of characters up to 255. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Returns a character for each byte, so that patterns can be searched. */
export function textOf(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += 8192) {
    text += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return text;
}

/** Whether these characters stand at this place. */
export function isAt(data: Uint8Array, text: string, at = 0): boolean {
  for (let place = 0; place < text.length; place++) {
    if (data[at + place] !== text.charCodeAt(place)) return false;
  }
  return true;
}
