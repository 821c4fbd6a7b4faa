// Time limits and pauses that an abort ends.

import { ClassifierError } from "./errors.js";

/** Does something within a time and until the signal says otherwise. Throws `timeout` or `aborted`. */
export async function withinTime<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let stop = (_error: ClassifierError): void => {};
  // Not every platform's fetch ends when its signal says so: the race does.
  const stopped = new Promise<never>((_, reject) => {
    stop = (error) => {
      reject(error);
      controller.abort();
    };
  });
  const abort = (): void => stop(new ClassifierError("aborted", "The call was aborted.", { cause: signal?.reason }));
  const timer = setTimeout(() => stop(new ClassifierError("timeout", `There was no answer within ${ms} ms.`)), ms);
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  try {
    return await Promise.race([stopped, signal?.aborted ? stopped : work(controller.signal)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** Waits; ends early, without an error, when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end);
  });
}

/** The time and the signal of one photo. */
export class Budget {
  private readonly end: number;

  constructor(
    ms: number,
    readonly signal: AbortSignal,
  ) {
    this.end = Date.now() + ms;
  }

  leftMs(): number {
    return Math.max(0, this.end - Date.now());
  }
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** Repeats what may be repeated. `Retry-After` wins; where it is longer than the time left, the error stands. */
export async function withRetries<T>(
  budget: Budget,
  maxRetries: number,
  attempt: () => Promise<T>,
  wait: (error: ClassifierError, ms: number) => Promise<void>,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ClassifierError && error.isRetryable) || retries >= maxRetries) throw error;
      const backoffMs = Math.min(FIRST_PAUSE_MS * 2 ** retries, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
      const waitMs = Math.ceil(error.retryAfterMs ?? backoffMs);
      if (waitMs >= budget.leftMs()) throw error;
      await wait(error, waitMs);
    }
  }
}
