// Browsers, and whatever else has the web's own parts (Deno, Bun).

import { Hasher } from "./browser/hasher.js";
import { shrinkPhoto } from "./browser/shrink.js";
import { Classifier, type Options } from "./core/index.js";
import type { Platform } from "./core/platform.js";
import { hashesOf } from "./hash/content-hash.js";

export * from "./core/index.js";

/** Settings of a classifier in a page. */
export interface BrowserOptions extends Options<Blob> {
  /** Where the package's `hash-worker.js` is, for pages whose bundler does not find it by itself. */
  workerUrl?: string | URL;
}

/** Makes a classifier of files: of an `<input type="file">`, a drop, the clipboard. */
export function createClassifier(options: BrowserOptions): Classifier<Blob> {
  return new Classifier(browserPlatform(options), options);
}

function browserPlatform({ digest, shrink, workerUrl }: BrowserOptions): Platform<Blob> {
  const hasher = new Hasher(() =>
    workerUrl === undefined ? new Worker(new URL("./hash-worker.js", import.meta.url)) : new Worker(workerUrl),
  );
  return {
    size: async (photo) => photo.size,
    hash: async (photo) => (digest ? hashesOf(new Uint8Array(await photo.arrayBuffer()), digest) : hasher.hash(photo)),
    shrink: shrink ?? shrinkPhoto,
    append: async (form, photo) => form.append("image", photo, "photo"),
  };
}
