// SHA-256 of parts, one after another: the platform's own where there is one, else the plain one below. Pages on plain
// http have no `crypto.subtle` (but on localhost), and React Native has none at all.

/** SHA-256 of bytes, such as `crypto.subtle.digest`. */
export type Digest = (data: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer | Uint8Array>;

/** Returns the platform's digest, or undefined where it has none. */
export function platformDigest(): Digest | undefined {
  const subtle = globalThis.crypto?.subtle;
  return subtle && ((data) => subtle.digest("SHA-256", data));
}

/** Returns 64 lower-case hexadecimal characters. */
export async function sha256(parts: readonly Uint8Array[], digest = platformDigest()): Promise<string> {
  const hashed = digest ? new Uint8Array(await digest(joined(parts))) : plainSha256(parts);
  return Array.from(hashed, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [only] = parts;
  if (parts.length === 1 && only?.buffer instanceof ArrayBuffer) return only as Uint8Array<ArrayBuffer>;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** SHA-256 without the platform's help: FIPS 180-4, section 6.2. */
export function plainSha256(parts: readonly Uint8Array[]): Uint8Array {
  const state = SQUARE_ROOTS.slice();
  const rest = new Uint8Array(64);
  let filled = 0;
  let length = 0;
  for (const part of parts) {
    length += part.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(64 - filled, part.length);
      rest.set(part.subarray(0, at), filled);
      filled += at;
      if (filled < 64) continue;
      addBlocks(state, rest);
      filled = 0;
    }
    const whole = part.length - ((part.length - at) % 64);
    addBlocks(state, part.subarray(at, whole));
    rest.set(part.subarray(whole));
    filled = part.length - whole;
  }
  const end = new Uint8Array(filled < 56 ? 64 : 128);
  end.set(rest.subarray(0, filled));
  end[filled] = 0x80;
  const view = new DataView(end.buffer);
  view.setUint32(end.length - 8, Math.floor(length / 0x20000000));
  view.setUint32(end.length - 4, length * 8);
  addBlocks(state, end);
  const hash = new DataView(new ArrayBuffer(32));
  state.forEach((word, place) => hash.setInt32(place * 4, word));
  return new Uint8Array(hash.buffer);
}

const PRIMES: number[] = [];
for (let candidate = 2; PRIMES.length < 64; candidate++) {
  if (PRIMES.every((prime) => candidate % prime !== 0)) PRIMES.push(candidate);
}

/** The first 32 bits behind the point of the primes' roots. */
const SQUARE_ROOTS = Int32Array.from(PRIMES.slice(0, 8), (prime) => (Math.sqrt(prime) % 1) * 2 ** 32);
const CUBE_ROOTS = Int32Array.from(PRIMES, (prime) => (Math.cbrt(prime) % 1) * 2 ** 32);
const SCHEDULE = new Int32Array(64);

function addBlocks(state: Int32Array, data: Uint8Array): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const w = SCHEDULE;
  const k = CUBE_ROOTS;
  for (let block = 0; block + 64 <= data.length; block += 64) {
    for (let t = 0; t < 16; t++) w[t] = view.getInt32(block + t * 4);
    for (let t = 16; t < 64; t++) {
      const early = w[t - 15]!;
      const late = w[t - 2]!;
      const s0 = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
      const s1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
      w[t] = w[t - 16]! + s0 + w[t - 7]! + s1;
    }
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    let e = state[4]!;
    let f = state[5]!;
    let g = state[6]!;
    let h = state[7]!;
    for (let t = 0; t < 64; t++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[t]! + w[t]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0]! += a;
    state[1]! += b;
    state[2]! += c;
    state[3]! += d;
    state[4]! += e;
    state[5]! += f;
    state[6]! += g;
    state[7]! += h;
  }
}
