// The way of one photo: ask by its names, upload it only if nobody has before, repeat what cannot be paid twice.

import type { Hashes } from "../hash/content-hash.js";
import type { Calls, ServiceAnswer } from "./calls.js";
import { asClassifierError, ClassifierError } from "./errors.js";
import type { Answer, CallOptions, Options, Step } from "./options.js";
import type { Platform } from "./platform.js";
import { Budget, pause, withinTime, withRetries } from "./timing.js";

const TIMEOUT_MS = 120_000;
const MAX_RETRIES = 8;
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
  /** Why there is no use in uploading anything for now, if there is none. */
  spent?: () => ClassifierError | undefined;
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
    return this.inTime((budget) => this.run(known, budget));
  }

  /** Returns the names of the photo, within its time; null where it cannot be read on this device. */
  async names(): Promise<Hashes | null> {
    return this.inTime(() => this.hash());
  }

  private inTime<T>(work: (budget: Budget) => Promise<T>): Promise<T> {
    const timeoutMs = this.options.timeoutMs ?? TIMEOUT_MS;
    return withinTime(timeoutMs, this.options.signal, async (signal) => {
      try {
        return await work(new Budget(timeoutMs, signal));
      } catch (error) {
        throw asClassifierError(error, "unreadable_photo");
      }
    });
  }

  private async run(known: Known, budget: Budget): Promise<Answer> {
    const hashes = known.hashes === undefined ? await this.hash() : known.hashes;
    const answer = known.answer === undefined && hashes ? await this.check(hashes, budget) : known.answer;
    if (answer) return asAnswer(answer, "nothing", hashes);
    const spent = known.spent?.();
    if (spent) throw spent;
    return this.send(hashes, budget);
  }

  private async hash(): Promise<Hashes | null> {
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

  /** Asks by the names. Null: not known. */
  private async check(hashes: Hashes, budget: Budget): Promise<ServiceAnswer | null> {
    return this.repeated(budget, () => this.checkOnce(hashes, budget));
  }

  private checkOnce(hashes: Hashes, budget: Budget, waitMs = 0): Promise<ServiceAnswer | null> {
    const ask = (): Promise<ServiceAnswer | null> => this.calls.check(hashes, budget, waitMs);
    return this.step("check", ask, (answer) => ({ isKnown: answer !== null }));
  }

  private async send(hashes: Hashes | null, budget: Budget): Promise<Answer> {
    const bytes = await this.platform.size(this.photo);
    const isLarge = bytes !== undefined && bytes >= (this.options.originalBelowBytes ?? ORIGINAL_BELOW_BYTES);
    const copy = isLarge ? await this.shrink(bytes) : null;
    if (copy !== null) return this.sendCopy(copy, hashes, budget);
    try {
      return asAnswer(await this.upload(this.photo, hashes, budget), "original", hashes);
    } catch (error) {
      if (isLarge || !(error instanceof ClassifierError && WRONG_FILE.includes(error.code))) throw error;
      const other = await this.shrink(Infinity); // of a HEIC the browser may make a JPEG
      if (other === null) throw error;
      return this.sendCopy(other, hashes, budget);
    }
  }

  /** The service knows a copy by the copy's own names: of an earlier upload of it the answer is there. */
  private async sendCopy(copy: Photo, hashes: Hashes | null, budget: Budget): Promise<Answer> {
    const names = await this.platform.hash(copy);
    const known = names && (await this.check(names, budget));
    if (known) return asAnswer(known, "nothing", hashes);
    return asAnswer(await this.upload(copy, names, budget), "copy", hashes);
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

  /** Uploads until there is an answer. An upload that may have arrived is asked for before it is sent again. */
  private async upload(file: Photo, names: Hashes | null, budget: Budget): Promise<ServiceAnswer> {
    const bytes = await this.platform.size(file);
    let mayHaveArrived = false;
    return this.repeated(budget, async () => {
      if (mayHaveArrived && names) {
        const answer = await this.checkOnce(names, budget, WAIT_FOR_LOST_ANSWER_MS);
        if (answer) return answer;
      }
      try {
        const send = (): Promise<ServiceAnswer> => this.calls.upload(file, budget, bytes);
        return await this.step("upload", send, () => (bytes === undefined ? {} : { bytes }));
      } catch (error) {
        mayHaveArrived = error instanceof ClassifierError && error.isLost;
        throw error;
      }
    });
  }

  private repeated<T>(budget: Budget, attempt: () => Promise<T>): Promise<T> {
    return withRetries(budget, this.options.maxRetries ?? MAX_RETRIES, attempt, this.wait(budget));
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
