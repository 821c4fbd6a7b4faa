// The names of photos: the vectors of the service, with the platform's SHA-256 and with our own.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { Hasher } from "../src/browser/hasher.js";
import { contentHash } from "../src/hash/content-hash.js";
import { inflatedLength } from "../src/hash/inflate.js";
import { NoNameError } from "../src/hash/parts.js";
import { plainSha256 } from "../src/hash/sha256.js";

interface Vector {
  name: string;
  hash: string | null;
  file: string;
}

const VECTORS = process.env["CONTENT_HASH_VECTORS"] ?? "../../tests/vectors/content_hash.json";
const { vectors } = JSON.parse(readFileSync(VECTORS, "utf8")) as { vectors: Vector[] };

test("every file of the vectors has its name, and none where it has none", async () => {
  assert(vectors.length >= 142);
  for (const { name, hash, file } of vectors) {
    const data = new Uint8Array(Buffer.from(file, "base64"));

    assert.equal(await contentHash(data), hash, name);
    assert.equal(await contentHash(data, async (bytes) => plainSha256([bytes])), hash, name);
  }
});

for (const [how, start] of [
  ["cannot be made", () => assert.fail("forbidden here")],
  ["breaks", () => new BrokenWorker() as unknown as Worker],
] as const) {
  test(`a worker that ${how} is not tried for each photo`, async () => {
    let started = 0;
    const hasher = new Hasher(() => (started++, start()));

    for (const text of ["a", "b", "c"]) {
      const { imageHash } = await hasher.hash(new Blob([text]));
      assert.equal(imageHash, createHash("sha256").update(text).digest("hex"));
    }

    assert.equal(started, 1);
  });
}

class BrokenWorker {
  onerror = (_: object): void => {};
  terminate(): void {}
  postMessage(): void {
    queueMicrotask(() => this.onerror({ preventDefault: () => {} }));
  }
}

test("our own SHA-256 is right at every length and every cut", () => {
  const data = Uint8Array.from({ length: 300 }, (_, place) => place * 7);
  for (let length = 0; length <= data.length; length++) {
    const cut = (length * 31) % (length + 1);
    const parts = [data.subarray(0, cut), data.subarray(cut, length)];

    assert.deepEqual(Buffer.from(plainSha256(parts)), createHash("sha256").update(data.subarray(0, length)).digest());
  }
});

test("inflating agrees with zlib about sound streams, and refuses damaged and long ones", () => {
  const texts = ["", "a", "abcabcabcabc".repeat(500), ...Array.from({ length: 40 }, (_, seed) => noise(seed))];
  for (const text of texts) {
    for (const level of [0, 1, 6, 9]) {
      const packed = deflateSync(text, { level });
      const size = Buffer.byteLength(text);

      assert.equal(inflatedLength(Buffer.concat([packed, Buffer.from("behind it")]), 1 << 20), size);
      assert.throws(() => inflatedLength(packed.subarray(0, -1), 1 << 20), NoNameError);
      assert.throws(() => inflatedLength(packed, size), NoNameError);
    }
  }
});

function noise(seed: number): string {
  let state = seed + 1;
  const next = (): number => (state = (state * 1103515245 + 12345) % 2147483648);
  return Array.from({ length: 3000 }, () => "abcdefghijklmnop"[(next() >> 16) % (1 + (seed % 16))]).join("");
}
