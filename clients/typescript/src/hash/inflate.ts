// Reads a zlib stream (RFC 1950, 1951) as zlib does: what zlib refuses is refused. Written out here since React Native
// has no `DecompressionStream`, and since what follows the stream must not matter, which that one forbids.

import { big32, byteAt, need } from "./parts.js";

/** Codes of one alphabet: how many there are of each length, and their symbols, ordered by code. */
interface Codes {
  counts: Uint16Array;
  symbols: Uint16Array;
}

const LENGTH_BASES = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const ORDER_OF_LENGTHS = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const END_OF_BLOCK = 256;

/** Returns how many bytes a stream inflates to. Throws `NoNameError` if it is damaged, or if there are too many. */
export function inflatedLength(stream: Uint8Array, limit: number): number {
  const [method, flags] = [byteAt(stream, 0), byteAt(stream, 1)];
  need((method & 15) === 8 && method >> 4 <= 7 && (method * 256 + flags) % 31 === 0 && (flags & 32) === 0);
  const inflater = new Inflater(stream, 2, limit);
  while (!inflater.readBlock());
  need(inflater.length < limit && big32(stream, inflater.end()) === inflater.adler32());
  return inflater.length;
}

class Inflater {
  length = 0;
  private output = new Uint8Array(4096);
  private bits = 0;
  private bitCount = 0;

  constructor(
    private readonly input: Uint8Array,
    private at: number,
    private readonly limit: number,
  ) {}

  /** Reads one block; returns whether it was the last. */
  readBlock(): boolean {
    const last = this.take(1) === 1;
    const kind = this.take(2);
    need(kind < 3);
    if (kind === 0) this.copyStored();
    else if (kind === 1) this.inflate(FIXED_LITERALS, FIXED_DISTANCES);
    else this.inflate(...this.readCodes());
    return last;
  }

  /** Where the stream's checksum begins. */
  end(): number {
    return this.at - Math.floor(this.bitCount / 8);
  }

  adler32(): number {
    let [low, high] = [1, 0];
    for (let place = 0; place < this.length; place++) {
      low = (low + this.output[place]!) % 65521;
      high = (high + low) % 65521;
    }
    return high * 65536 + low;
  }

  private take(count: number): number {
    while (this.bitCount < count) {
      this.bits |= byteAt(this.input, this.at++) << this.bitCount;
      this.bitCount += 8;
    }
    const value = this.bits & ((1 << count) - 1);
    this.bits >>>= count;
    this.bitCount -= count;
    return value;
  }

  private put(byte: number): void {
    need(this.length + 1 < this.limit);
    if (this.length === this.output.length) {
      const larger = new Uint8Array(this.output.length * 4);
      larger.set(this.output);
      this.output = larger;
    }
    this.output[this.length++] = byte;
  }

  private copyStored(): void {
    this.take(this.bitCount % 8);
    const size = this.take(16);
    need(this.take(16) === (size ^ 0xffff));
    for (let place = 0; place < size; place++) this.put(this.take(8));
  }

  private decode({ counts, symbols }: Codes): number {
    let [code, first, index] = [0, 0, 0];
    for (let length = 1; length <= 15; length++) {
      code |= this.take(1);
      const count = counts[length]!;
      if (code - count < first) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    need(false);
  }

  private readCodes(): [Codes, Codes] {
    const literals = this.take(5) + 257;
    const distances = this.take(5) + 1;
    const known = this.take(4) + 4;
    need(literals <= 286 && distances <= 30);
    const lengthLengths = new Uint8Array(19);
    for (let place = 0; place < known; place++) lengthLengths[ORDER_OF_LENGTHS[place]!] = this.take(3);
    const lengthCodes = codesOf(lengthLengths, false);
    const lengths = new Uint8Array(literals + distances);
    for (let at = 0; at < lengths.length; ) {
      const symbol = this.decode(lengthCodes);
      if (symbol < 16) {
        lengths[at++] = symbol;
        continue;
      }
      need(symbol > 16 || at > 0);
      const value = symbol === 16 ? lengths[at - 1]! : 0;
      const times = symbol === 16 ? 3 + this.take(2) : symbol === 17 ? 3 + this.take(3) : 11 + this.take(7);
      need(at + times <= lengths.length);
      lengths.fill(value, at, at + times);
      at += times;
    }
    need(lengths[END_OF_BLOCK] !== 0);
    return [codesOf(lengths.subarray(0, literals), true), codesOf(lengths.subarray(literals), true)];
  }

  private inflate(literals: Codes, distances: Codes): void {
    for (;;) {
      const symbol = this.decode(literals);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) {
        this.put(symbol);
        continue;
      }
      need(symbol <= 285);
      const size = LENGTH_BASES[symbol - 257]! + this.take(LENGTH_BITS[symbol - 257]!);
      const code = this.decode(distances);
      need(code < 30);
      const extra = code < 4 ? 0 : (code >> 1) - 1;
      const distance = code < 4 ? code + 1 : ((2 + (code & 1)) << extra) + 1 + this.take(extra);
      need(distance <= this.length);
      for (let place = 0; place < size; place++) this.put(this.output[this.length - distance]!);
    }
  }
}

/** Orders the symbols by their code. Too many codes are refused; too few, unless there is one of one bit, or none. */
function codesOf(lengths: Uint8Array, mayBeIncomplete: boolean): Codes {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]!++;
  const used = lengths.length - counts[0]!;
  counts[0] = 0;
  let left = 1;
  for (let length = 1; length <= 15; length++) {
    left = left * 2 - counts[length]!;
    need(left >= 0);
  }
  need(left === 0 || (mayBeIncomplete && used === counts[1]));
  const places = new Uint16Array(16);
  for (let length = 1; length < 15; length++) places[length + 1] = places[length]! + counts[length]!;
  const symbols = new Uint16Array(used);
  lengths.forEach((length, symbol) => {
    if (length > 0) symbols[places[length]!++] = symbol;
  });
  return { counts, symbols };
}

const FIXED_LITERALS = codesOf(
  Uint8Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)),
  false,
);
const FIXED_DISTANCES = codesOf(new Uint8Array(32).fill(5), false);
