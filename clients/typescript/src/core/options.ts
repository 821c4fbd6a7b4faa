// What can be set, and what comes back.

import type { Digest } from "../hash/sha256.js";
import type { Hashes } from "../hash/content-hash.js";
import type { Category, MatchedBy } from "./api.js";
import type { ClassifierError } from "./errors.js";

/** Settings of a classifier. Only `url` is needed. */
export interface Options<Photo> {
  /** Where the service is, without `/api/v1`; "" in a page of its own. */
  url: string;
  /** User or device: 1 to 64 characters, hard to guess (whoever knows it may read its history). */
  userId?: string;
  apiKey?: string;
  /** More headers, asked for before each request: `async () => ({ Authorization: await token() })`. */
  headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** For one photo in all, pauses and repetitions included. Default: 120,000. */
  timeoutMs?: number;
  /** For one try of an upload, and a second more for each 100 KB. Default: 45,000, longer than a model may take. */
  uploadTimeoutMs?: number;
  /** Repetitions of each request. Default: 8, which is some 40 seconds of pauses. */
  maxRetries?: number;
  /** Larger files are shrunk for the upload. Default: 1,500,000; `Infinity` where the network is free. */
  originalBelowBytes?: number;
  /** Makes a smaller copy of a photo, or none (null). Browsers have one of their own. */
  shrink?: (photo: Photo) => Promise<Photo | null>;
  /** SHA-256, where the platform has none of its own: React Native. */
  digest?: Digest;
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch;
  /** What is being done with each photo. */
  onStep?: (step: Step, photo: Photo) => void;
}

/** Settings of one call. */
export interface CallOptions<Photo> extends Pick<Options<Photo>, "timeoutMs" | "originalBelowBytes" | "onStep"> {
  signal?: AbortSignal;
}

/** Settings of a call for many photos. */
export interface ManyOptions<Photo> extends CallOptions<Photo> {
  /** Photos at the same time. Default: 3. */
  concurrency?: number;
  onProgress?: (progress: Progress<Photo>) => void;
}

/** Something that is done with a photo, told when it starts and when it ends. */
export interface Step {
  name: "hash" | "check" | "shrink" | "upload" | "wait";
  state: "started" | "ended";
  /** How long it took; of a `wait` that starts: how long it will take. */
  ms: number;
  /** Of `hash`. */
  hashes?: Hashes | null;
  /** Of `check`. */
  isKnown?: boolean;
  /** Of `shrink` and `upload`: the size of what is sent, where it is known. */
  bytes?: number;
  /** Why it failed, or why there is a `wait`. */
  error?: ClassifierError;
}

/** What the service says of a photo. */
export interface Answer {
  category: Category;
  /** 0 to 1. */
  confidence: number;
  description: string | null;
  /** Whether it was known, and cost nothing. */
  fromCache: boolean;
  /** How it was recognised; null: a model was asked. */
  matchedBy: MatchedBy | null;
  /** What answered just now; null: the answer was known. */
  modelUsed: string | null;
  /** No model could be asked: a later upload may be answered better. */
  isDegraded: boolean;
  /** The user has said so: the answer is theirs alone. */
  isCorrected: boolean;
  /** For feedback, and for questions to the operator. */
  requestId: string;
  /** What was sent. */
  uploaded: "nothing" | "original" | "copy";
  /** Null where the photo could not be read on this device. */
  hashes: Hashes | null;
}

/** What became of one of many photos: an answer or an error. */
export type Outcome<Photo> =
  | { photo: Photo; answer: Answer; error?: undefined }
  | { photo: Photo; answer?: undefined; error: ClassifierError };

/** How far a call for many photos is. */
export interface Progress<Photo> {
  done: number;
  total: number;
  /** Those that were known. */
  fromCache: number;
  failed: number;
  /** The photo that is done now. */
  latest: Outcome<Photo>;
}
