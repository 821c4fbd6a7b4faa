// The Web Worker: reads and hashes a photo, so that the page stays smooth.

import { hashesOf } from "../hash/content-hash.js";
import type { Hashed, ToHash } from "./hasher.js";

self.onmessage = async ({ data: { id, photo } }: MessageEvent<ToHash>): Promise<void> => {
  let message: Hashed;
  try {
    message = { id, hashes: await hashesOf(new Uint8Array(await photo.arrayBuffer())) };
  } catch (error) {
    message = { id, reason: String(error) };
  }
  self.postMessage(message);
};
