// Many photos, some at a time. Where the service answers many questions in one call, it is asked so.

import type { Hashes } from "../hash/content-hash.js";
import type { ServiceAnswer } from "./calls.js";
import { asClassifierError, type ClassifierError } from "./errors.js";
import type { Known } from "./flow.js";
import type { Answer, ManyOptions, Outcome } from "./options.js";

const CONCURRENCY = 3;
const PHOTOS_A_CHECK = 50;

/** After these all others would fail in the same way. */
const ENDS_ALL: readonly string[] = ["unauthorized", "forbidden", "invalid_user_id", "aborted"];

/** After these, with a time to wait that no photo has, no new photo is answered until then. Known ones are. */
const SPENT: readonly string[] = ["budget_exhausted", "quota_exceeded"];

/** What is done with the photos. */
export interface Work<Photo> {
  hash(photo: Photo): Promise<Hashes | null>;
  /** Of each an answer, null: not known, or undefined: ask again; null for all: the service has no such call. */
  check(many: Hashes[]): Promise<(ServiceAnswer | null | undefined)[] | null>;
  classify(photo: Photo, known: Known): Promise<Answer>;
}

/** Returns what became of each photo, in the order given. Never throws. */
export async function runMany<Photo>(
  photos: readonly Photo[],
  options: ManyOptions<Photo>,
  work: Work<Photo>,
): Promise<Outcome<Photo>[]> {
  const concurrency = options.concurrency ?? CONCURRENCY;
  const outcomes: Outcome<Photo>[] = [];
  const counts = { done: 0, total: photos.length, fromCache: 0, failed: 0 };
  const underWay = new Map<string, Promise<void>>();
  let end: ClassifierError | undefined;
  let spent: { error: ClassifierError; until: number } | undefined;
  let asksMany = photos.length > 1;

  async function classify(index: number, known: Known): Promise<void> {
    const photo = photos[index]!;
    const told = { ...known, spent: () => (spent && Date.now() < spent.until ? spent.error : undefined) };
    const outcome: Outcome<Photo> = await (end ? Promise.reject(end) : work.classify(photo, told)).then(
      (answer) => ({ photo, answer }),
      (error: unknown) => ({ photo, error: asClassifierError(error, "unreadable_photo") }),
    );
    outcomes[index] = outcome;
    if (outcome.error) {
      const { code, retryAfterMs = 0 } = outcome.error;
      if (ENDS_ALL.includes(code)) end ??= outcome.error;
      if (SPENT.includes(code) && !told.spent()) spent = { error: outcome.error, until: Date.now() + retryAfterMs };
    }
    counts.done++;
    if (outcome.error) counts.failed++;
    else if (outcome.answer.fromCache) counts.fromCache++;
    options.onProgress?.({ ...counts, latest: outcome });
  }

  /** Files of one photo come one after the other: the first is uploaded, and the others are known by then. */
  async function inTurn(index: number, known: Known): Promise<void> {
    const name = known.hashes?.contentHash ?? known.hashes?.imageHash;
    if (known.answer || name === undefined) return classify(index, known);
    const before = underWay.get(name);
    const turn = before ? before.then(() => classify(index, { hashes: known.hashes })) : classify(index, known);
    underWay.set(name, turn);
    return turn;
  }

  for (let start = 0; start < photos.length; ) {
    const size = asksMany ? Math.min(PHOTOS_A_CHECK, photos.length - start) : photos.length - start;
    const known: Known[] = Array.from({ length: size }, () => ({}));
    if (asksMany) asksMany = await checkAhead(photos.slice(start, start + size), known, concurrency, work);
    await inParallel(size, concurrency, (place) => inTurn(start + place, known[place]!));
    start += size;
  }
  return outcomes;
}

/** Fills in what one call for all of them finds out. Returns whether the service has such a call. */
async function checkAhead<Photo>(
  photos: Photo[],
  known: Known[],
  concurrency: number,
  work: Work<Photo>,
): Promise<boolean> {
  await inParallel(photos.length, concurrency, async (place) => {
    known[place]!.hashes = await work.hash(photos[place]!).catch(() => undefined); // its own turn tells why
  });
  const asked = known.filter((one) => one.hashes);
  if (asked.length === 0) return true;
  try {
    const answers = await work.check(asked.map((one) => one.hashes!));
    asked.forEach((one, place) => (one.answer = answers?.[place]));
    return answers !== null;
  } catch {
    return true; // each asks for itself
  }
}

async function inParallel(count: number, concurrency: number, work: (place: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    try {
      while (next < count) await work(next++);
    } finally {
      next = count; // where this lane failed, the others begin nothing more
    }
  };
  await Promise.all(Array.from({ length: Math.min(Math.max(1, concurrency), count) }, lane));
}
