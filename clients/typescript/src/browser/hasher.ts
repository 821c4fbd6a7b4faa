// Hashes photos in a Web Worker; in the page itself where there is no worker to be had.

import { ClassifierError } from "../core/errors.js";
import { type Hashes, hashesOf } from "../hash/content-hash.js";

export interface ToHash {
  id: number;
  photo: Blob;
}

/** What the worker says: `reason` where it could not read the photo. */
export type Hashed = { id: number; hashes: Hashes } | { id: number; reason: string };

/** Hashes photos. The worker starts with the first. */
export class Hasher {
  private worker: Worker | null | undefined;
  private readonly waiting = new Map<number, (hashed: Hashed | null) => void>();
  private lastId = 0;

  constructor(private readonly startWorker: () => Worker) {}

  /** Throws `unreadable_photo`. */
  async hash(photo: Blob): Promise<Hashes> {
    const hashed = await this.inWorker(photo);
    if (hashed === null) return hashesOf(new Uint8Array(await photo.arrayBuffer()));
    if ("reason" in hashed) throw new ClassifierError("unreadable_photo", hashed.reason);
    return hashed.hashes;
  }

  /** Null: there is no worker. */
  private inWorker(photo: Blob): Promise<Hashed | null> {
    if (this.worker === undefined) this.worker = this.started(); // null: it was tried
    const worker = this.worker;
    if (worker === null) return Promise.resolve(null);
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      worker.postMessage({ id, photo } satisfies ToHash);
    });
  }

  private started(): Worker | null {
    try {
      const worker = this.startWorker();
      worker.onmessage = ({ data }: MessageEvent<Hashed>) => {
        this.waiting.get(data.id)?.(data);
        this.waiting.delete(data.id);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        this.giveUp();
      };
      return worker;
    } catch {
      return null; // no workers here, or a policy that forbids this one
    }
  }

  /** The worker's file was not found, or it broke: whoever waits hashes in the page, as all others from now on. */
  private giveUp(): void {
    this.worker?.terminate();
    this.worker = null;
    for (const resolve of this.waiting.values()) resolve(null);
    this.waiting.clear();
  }
}
