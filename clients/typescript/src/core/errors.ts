// The one error of this package. What went wrong is told by its `code`.

import type { ServiceErrorCode } from "./api.js";

/** What the service says, and what only a client can see. Later versions of the service may add codes. */
export type ErrorCode =
  | ServiceErrorCode
  | "network_error" // no answer: offline, refused, cut, or a page that the service does not let in (CORS)
  | "timeout" // no answer in time
  | "aborted" // by your signal
  | "unreadable_photo" // the photo cannot be read on this device
  | "bad_response" // an answer that is not the service's: a proxy's page, a hotel's login
  | (string & {});

/** The model was asked, and perhaps paid, without an answer to keep: another try would be paid again. */
const PAID_WITHOUT_ANSWER: ReadonlySet<string> = new Set(["model_bad_answer", "model_timeout"]);

/** Why there is no answer for a photo. */
export class ClassifierError extends Error {
  override readonly name = "ClassifierError";
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** What to name when asking the operator. */
  readonly requestId: string | undefined;
  /** How long the service wants to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: { status?: number; requestId?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message);
    this.status = details.status;
    this.requestId = details.requestId;
    this.retryAfterMs = details.retryAfterMs;
    if (details.cause !== undefined) (this as { cause?: unknown }).cause = details.cause;
  }

  /** Whether nobody knows what became of the request. */
  get isLost(): boolean {
    return this.code === "network_error" || this.code === "timeout";
  }

  /** Whether the same request may be sent again, which is never paid for twice: docs/apps.md of the service has the table. */
  get isRetryable(): boolean {
    if (this.isLost) return true;
    const status = this.status ?? 0;
    return (status === 408 || status === 429 || status >= 500) && !PAID_WITHOUT_ANSWER.has(this.code);
  }
}

/** Returns any failure as the one error. */
export function asClassifierError(error: unknown, code: ErrorCode): ClassifierError {
  if (error instanceof ClassifierError) return error;
  return new ClassifierError(code, error instanceof Error ? error.message : String(error), { cause: error });
}
