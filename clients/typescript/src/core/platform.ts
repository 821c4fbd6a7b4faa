// What differs between browsers, Node and React Native.

import type { Hashes } from "../hash/content-hash.js";

/** How photos of one platform are read and sent. */
export interface Platform<Photo> {
  /** Returns the bytes of the file; undefined where only reading it would tell. */
  size(photo: Photo): Promise<number | undefined>;

  /** Returns the names of the photo; null where it can be sent, but not read here. Throws `unreadable_photo`. */
  hash(photo: Photo): Promise<Hashes | null>;

  /** Returns a smaller copy; null where there is none that can be trusted. */
  shrink(photo: Photo): Promise<Photo | null>;

  /** Adds the photo to a form, as its part `image`. */
  append(form: FormData, photo: Photo): Promise<void>;

  /** Whether `append` makes another form of part from now on, since this was thrown for the last one. */
  offersAnotherPart?(error: unknown): boolean;

  /** What may be the matter when there is no answer from this address. */
  networkHint?(url: string): string | undefined;
}
