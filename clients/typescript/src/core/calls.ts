// The calls of the service, each sent once: an answer, or the error that tells why not.

import type { Hashes } from "../hash/content-hash.js";
import type { CheckCacheRequest, CheckCacheResponse, ClassifyResponse, ErrorResponse } from "./api.js";
import { asClassifierError, ClassifierError } from "./errors.js";
import type { Options } from "./options.js";
import type { Platform } from "./platform.js";
import { type Budget, withinTime } from "./timing.js";

const CHECK_TIMEOUT_MS = 15_000;
const UPLOAD_TIMEOUT_MS = 45_000;

/** What a slow line brings, 0.8 Mbit/s: a try of an upload has the time that its file takes at that, and then more. */
const SLOW_BYTES_PER_MS = 100;
/** A file of unknown size has the time of the largest that services usually take. */
const UNKNOWN_BYTES = 10_000_000;

/** An answer as the service gives it, to a hash or to an upload. */
export type ServiceAnswer = ClassifyResponse | (CheckCacheResponse & Required<Pick<CheckCacheResponse, "data">>);

/** Sends requests, without repeating any. */
export class Calls<Photo> {
  /** Whether the service answers many questions in one call: later versions do. */
  private answersMany = true;

  constructor(
    private readonly platform: Platform<Photo>,
    private readonly options: Options<Photo>,
  ) {}

  /** Returns the answer if the photo is known, else null. Waits for one that is being found out right now. */
  async check(hashes: Hashes, budget: Budget, waitMs = 0): Promise<ServiceAnswer | null> {
    const answer = await this.postJson<CheckCacheResponse>("/check-cache", question(hashes, waitMs), budget, waitMs);
    return knownAnswer(answer);
  }

  /** Returns for each photo an answer, null if it is not known, undefined if that could not be said; null in place of
   * all where the service has no such call. */
  async checkMany(many: Hashes[], budget: Budget): Promise<(ServiceAnswer | null | undefined)[] | null> {
    if (!this.answersMany) return null;
    const body = { items: many.map((hashes) => question(hashes)) };
    try {
      const answer = await this.postJson<{ results: CheckCacheResponse[] }>("/check-cache/batch", body, budget);
      return answer.results.map((one) => ((one.success as boolean) ? knownAnswer(one) : undefined));
    } catch (error) {
      this.answersMany = !(error instanceof ClassifierError && (error.status === 404 || error.status === 405));
      if (!this.answersMany) return null;
      throw error;
    }
  }

  /** Uploads a file. `bytes` is its size. */
  async upload(photo: Photo, budget: Budget, bytes = UNKNOWN_BYTES): Promise<ServiceAnswer> {
    try {
      return await this.uploadOnce(photo, budget, bytes);
    } catch (error) {
      if (this.platform.offersAnotherPart?.(error)) return this.uploadOnce(photo, budget, bytes);
      throw error;
    }
  }

  private async uploadOnce(photo: Photo, budget: Budget, bytes: number): Promise<ServiceAnswer> {
    const timeoutMs = (this.options.uploadTimeoutMs ?? UPLOAD_TIMEOUT_MS) + Math.ceil(bytes / SLOW_BYTES_PER_MS);
    const answer = await this.send<ClassifyResponse>("", budget, timeoutMs, async () => {
      const body = new FormData(); // anew for each try: some platforms send a form only once
      await this.platform.append(body, photo);
      return { body };
    });
    return withAnswer(answer);
  }

  private postJson<T>(path: string, body: object, budget: Budget, waitMs = 0): Promise<T> {
    const headers = { "Content-Type": "application/json" };
    return this.send<T>(path, budget, CHECK_TIMEOUT_MS + waitMs, async () => ({ headers, body: JSON.stringify(body) }));
  }

  private send<T>(path: string, budget: Budget, timeoutMs: number, make: () => Promise<RequestInit>): Promise<T> {
    return withinTime(Math.min(timeoutMs, budget.leftMs()), budget.signal, async (signal) => {
      const { userId, apiKey, headers: more } = this.options;
      const who = { ...(userId && { "X-User-ID": userId }), ...(apiKey && { "X-API-Key": apiKey }) };
      const request = await make();
      const headers = { ...who, ...(await more?.()), ...request.headers };
      // Redirects are not followed: neither a photo nor a key goes to another host.
      const init: RequestInit = { ...request, method: "POST", headers, signal, redirect: "manual" };
      const url = `${this.options.url.replace(/\/+$/, "")}/api/v1/classify${path}`;
      const response = await this.fetch(url, init);
      return await read<T>(response);
    });
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    try {
      return await (this.options.fetch ?? fetch)(url, init);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const message = [reason, this.platform.networkHint?.(url)].filter(Boolean).join(" ");
      throw new ClassifierError("network_error", message, { cause: error });
    }
  }
}

function question({ imageHash, contentHash }: Hashes, waitMs = 0): CheckCacheRequest {
  return {
    image_hash: imageHash,
    ...(contentHash !== null && { content_hash: contentHash }),
    ...(waitMs > 0 && { wait_ms: waitMs }),
  };
}

/** Null only where the service says that it does not know the photo: to anybody else nothing is uploaded. */
function knownAnswer(answer: CheckCacheResponse): ServiceAnswer | null {
  return answer.cached === false ? null : withAnswer(answer);
}

function withAnswer<T extends Partial<Pick<ClassifyResponse, "data">>>(answer: T): T & Pick<ClassifyResponse, "data"> {
  const { data } = answer;
  if (typeof data?.category !== "string" || typeof data.confidence !== "number") throw badResponse(200);
  return { ...answer, data };
}

async function read<T>(response: Response): Promise<T> {
  let body: Partial<ErrorResponse> | null;
  try {
    body = await response.json();
  } catch (error) {
    // A body that ends too early is the network's fault; one that is no JSON is not the service's.
    if (response.ok && !(error instanceof SyntaxError)) throw asClassifierError(error, "network_error");
    throw badResponse(response.status, retryAfterMs(response));
  }
  if (response.ok && body && (body.success as boolean)) return body as T;
  if (!body?.error) throw badResponse(response.status, retryAfterMs(response));
  throw new ClassifierError(body.error.code, body.error.message, {
    status: response.status,
    ...(body.request_id && { requestId: body.request_id }),
    ...retryAfterMs(response),
  });
}

function badResponse(status: number, wait: { retryAfterMs?: number } = {}): ClassifierError {
  return new ClassifierError("bad_response", `The answer (${status}) is not the classifier's.`, { status, ...wait });
}

/** Reads `Retry-After`: seconds, or a date. */
function retryAfterMs(response: Response): { retryAfterMs?: number } {
  const header = response.headers.get("Retry-After");
  if (!header) return {};
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? {} : { retryAfterMs: Math.max(0, ms) };
}
