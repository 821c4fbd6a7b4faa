// Calls of the service that the page comes from. A key is kept in a variable and nowhere else: it is gone with the tab.

/** Where the service is, without a slash at the end. */
export const SERVICE = new URL(".", location.href).href.replace(/\/$/, "");

let key: string | undefined;

export function apiKey(): string | undefined {
  return key;
}

export function setApiKey(given: string | undefined): void {
  key = given?.trim() || undefined;
}

/** A failure as the service tells it; `network_error` where it told nothing, `bad_response` where somebody else did. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What can be said of a call; `json` becomes its body, and it a POST. */
export interface CallOptions {
  method?: string;
  json?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Statuses that are answers and no failures beside 200, as 503 is of `/health`. */
  accept?: number[];
}

/** Calls an address below `/api/v1` and returns its answer, the whole of it. Throws `ApiError`. */
export async function call<Answer>(path: string, options: CallOptions = {}): Promise<Answer> {
  const response = await request(path, options);
  const body = await response.json().catch(() => null);
  if (body !== null && (response.ok || options.accept?.includes(response.status))) return body as Answer;
  const { code, message } = body?.error ?? { code: "bad_response", message: "The answer is not the service's." };
  throw new ApiError(response.status, code, message);
}

/** The same, for answers that are read in another way: streams. Throws `ApiError` where there is none at all. */
export async function request(path: string, options: CallOptions = {}): Promise<Response> {
  const { json, signal, headers: more } = options;
  const headers = {
    ...(json !== undefined && { "Content-Type": "application/json" }),
    ...(key !== undefined && { "X-API-Key": key }),
    ...more,
  };
  const init: RequestInit = {
    method: options.method ?? (json === undefined ? "GET" : "POST"),
    headers,
    cache: "no-store",
  };
  if (json !== undefined) init.body = JSON.stringify(json);
  if (signal) init.signal = signal;
  try {
    return await fetch(`${SERVICE}/api/v1${path}`, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "network_error", error instanceof Error ? error.message : String(error));
  }
}
