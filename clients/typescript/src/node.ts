// Node, from version 20 on.

import { readFile, stat } from "node:fs/promises";
import { Classifier, type Options } from "./core/index.js";
import type { Platform } from "./core/platform.js";
import { hashesOf } from "./hash/content-hash.js";

export * from "./core/index.js";

/** A path, or a photo that is already read. */
export type NodePhoto = string | URL | Uint8Array | Blob;

/** Makes a classifier of files and buffers. Without `shrink` the originals are sent. */
export function createClassifier(options: Options<NodePhoto>): Classifier<NodePhoto> {
  return new Classifier(nodePlatform(options), options);
}

function nodePlatform({ digest, shrink }: Options<NodePhoto>): Platform<NodePhoto> {
  return {
    size: sizeOf,
    hash: async (photo) => hashesOf(await bytesOf(photo), digest),
    shrink: shrink ?? (async () => null),
    append: async (form, photo) => form.append("image", new Blob([await bytesOf(photo)]), "photo"),
  };
}

async function sizeOf(photo: NodePhoto): Promise<number> {
  if (photo instanceof Blob) return photo.size;
  return photo instanceof Uint8Array ? photo.length : (await stat(photo)).size;
}

/** A path is read anew each time, so that many photos that wait take no memory. */
async function bytesOf(photo: NodePhoto): Promise<Uint8Array<ArrayBuffer>> {
  if (photo instanceof Blob) return new Uint8Array(await photo.arrayBuffer());
  if (!(photo instanceof Uint8Array)) return readFile(photo) as Promise<Uint8Array<ArrayBuffer>>;
  return photo.buffer instanceof ArrayBuffer ? (photo as Uint8Array<ArrayBuffer>) : new Uint8Array(photo);
}
