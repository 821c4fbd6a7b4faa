// The way of one photo: ask by its names, upload it only if nobody has before, repeat what cannot be paid twice.

import type { Hashes } from "../hash/content-hash.js";
import type { Calls, ServiceAnswer } from "./calls.js";
import { asClassifierError, ClassifierError } from "./errors.js";
import type { Answer, CallOptions, Options, Step } from "./options.js";
import type { Platform } from "./platform.js";
import { Budget, pause, withinTime, withRetries } from "./timing.js";

const TIMEOUT_MS = 120_000;
const MAX_RETRIES = 8;
const MAX_CHECK_RETRIES = 2;
const ORIGINAL_BELOW_BYTES = 1_500_000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** After a lost connection the service goes on asking: so long its answer is waited for before the next upload. */
const WAIT_FOR_LOST_ANSWER_MS = 5_000;

/** For these another file of the same photo may do. */
const WRONG_FILE: readonly string[] = ["unsupported_format", "image_too_large", "image_too_many_pixels"];

/** What was found out about a photo before its own time began. */
export interface Known {
  hashes?: Hashes | null | undefined;
  /** Null: the service was asked, and does not know the photo. */
  answer?: ServiceAnswer | null | undefined;
}

/** One photo on its way. */
export class Flow<Photo> {
  constructor(
    private readonly platform: Platform<Photo>,
    private readonly calls: Calls<Photo>,
    private readonly options: Options<Photo> & CallOptions<Photo>,
    private readonly photo: Photo,
  ) {}

  /** Returns what the photo shows, within its time. */
  async classify(known: Known = {}): Promise<Answer> {
    const timeoutMs = this.options.timeoutMs ?? TIMEOUT_MS;
    return withinTime(timeoutMs, this.options.signal, async (signal) => {
      try {
        return await this.run(known, new Budget(timeoutMs, signal));
      } catch (error) {
        throw asClassifierError(error, "unreadable_photo");
      }
    });
  }

  private async run(known: Known, budget: Budget): Promise<Answer> {
    const hashes = known.hashes === undefined ? await this.hash() : known.hashes;
    const answer = known.answer === undefined && hashes ? await this.check(hashes, budget) : known.answer;
    return answer ? asAnswer(answer, "nothing", hashes) : this.send(hashes, budget);
  }

  /** Returns the names of the photo; null where it cannot be read on this device. */
  async hash(): Promise<Hashes | null> {
    const work = async (): Promise<Hashes | null> => {
      try {
        const bytes = (await this.platform.size(this.photo)) ?? 0;
        if (bytes <= MAX_FILE_BYTES) return await this.platform.hash(this.photo);
      } catch (error) {
        throw asClassifierError(error, "unreadable_photo");
      }
      throw new ClassifierError("image_too_large", `The file has more than ${MAX_FILE_BYTES} bytes.`);
    };
    return this.step("hash", work, (hashes) => ({ hashes }));
  }

  /** Asks by the names. Null: not known, or nobody could tell, and the upload will find out. */
  private async check(hashes: Hashes, budget: Budget): Promise<ServiceAnswer | null> {
    const ask = (): Promise<ServiceAnswer | null> =>
      this.step("check", () => this.calls.check(hashes, budget), (answer) => ({ isKnown: answer !== null }));
    try {
      return await withRetries(budget, MAX_CHECK_RETRIES, ask, this.wait(budget));
    } catch (error) {
      if (error instanceof ClassifierError && error.isRetryable) return null;
      throw error;
    }
  }

  private async send(hashes: Hashes | null, budget: Budget): Promise<Answer> {
    const bytes = await this.platform.size(this.photo);
    const isLarge = bytes !== undefined && bytes >= (this.options.originalBelowBytes ?? ORIGINAL_BELOW_BYTES);
    const copy = isLarge ? await this.shrink(bytes) : null;
    if (copy !== null) return asAnswer(await this.upload(copy, null, budget), "copy", hashes);
    try {
      return asAnswer(await this.upload(this.photo, hashes, budget), "original", hashes);
    } catch (error) {
      if (isLarge || !(error instanceof ClassifierError && WRONG_FILE.includes(error.code))) throw error;
      const other = await this.shrink(Infinity); // of a HEIC the browser may make a JPEG
      if (other === null) throw error;
      return asAnswer(await this.upload(other, null, budget), "copy", hashes);
    }
  }

  /** Returns a copy of fewer bytes, or null: then the original is sent. */
  private async shrink(belowBytes: number): Promise<Photo | null> {
    const work = async (): Promise<{ copy: Photo | null; bytes?: number }> => {
      const copy = await this.platform.shrink(this.photo).catch(() => null);
      const bytes = copy === null ? undefined : await this.platform.size(copy);
      return copy !== null && bytes !== undefined && bytes < belowBytes ? { copy, bytes } : { copy: null };
    };
    return (await this.step("shrink", work, ({ bytes }) => (bytes === undefined ? {} : { bytes }))).copy;
  }

  private async upload(file: Photo, hashes: Hashes | null, budget: Budget): Promise<ServiceAnswer> {
    const bytes = await this.platform.size(file);
    const attempt = async (_retries: number, lastError?: ClassifierError): Promise<ServiceAnswer> => {
      const isLost = lastError?.code === "network_error" || lastError?.code === "timeout";
      const found = isLost ? await this.lostAnswer(file, hashes, budget) : null;
      const work = (): Promise<ServiceAnswer> => this.calls.upload(file, budget);
      return found ?? this.step("upload", work, () => (bytes === undefined ? {} : { bytes }));
    };
    return withRetries(budget, this.options.maxRetries ?? MAX_RETRIES, attempt, this.wait(budget));
  }

  /** Returns what has become of an upload whose answer was lost, if it has arrived. */
  private async lostAnswer(file: Photo, hashes: Hashes | null, budget: Budget): Promise<ServiceAnswer | null> {
    const names = hashes ?? (await this.platform.hash(file));
    const ask = (): Promise<ServiceAnswer | null> =>
      names ? this.calls.check(names, budget, WAIT_FOR_LOST_ANSWER_MS) : Promise.resolve(null);
    return this.step("check", ask, (answer) => ({ isKnown: answer !== null }));
  }

  private wait(budget: Budget): (error: ClassifierError, ms: number) => Promise<void> {
    return (error, ms) => this.step("wait", () => pause(ms, budget.signal), () => ({}), { ms, error });
  }

  private async step<T>(
    name: Step["name"],
    work: () => Promise<T>,
    tell: (result: T) => Partial<Step>,
    ahead: Partial<Step> = {},
  ): Promise<T> {
    const report = (step: Partial<Step> & Pick<Step, "state" | "ms">): void =>
      this.options.onStep?.({ name, ...step }, this.photo);
    const started = Date.now();
    report({ state: "started", ms: 0, ...ahead });
    try {
      const result = await work();
      report({ state: "ended", ms: Date.now() - started, ...tell(result) });
      return result;
    } catch (error) {
      report({ state: "ended", ms: Date.now() - started, error: asClassifierError(error, "network_error") });
      throw error;
    }
  }
}

function asAnswer(answer: ServiceAnswer, uploaded: Answer["uploaded"], hashes: Hashes | null): Answer {
  return {
    ...answer.data,
    fromCache: answer.from_cache ?? false,
    matchedBy: answer.matched_by ?? null,
    modelUsed: "model_used" in answer ? answer.model_used : null,
    isDegraded: "degraded" in answer && answer.degraded,
    isCorrected: answer.corrected_by !== undefined,
    requestId: answer.request_id ?? "",
    uploaded,
    hashes,
  };
}
