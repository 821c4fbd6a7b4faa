// Looks at the answers on their way to the client, for what it does not tell: how long the service itself took for an
// upload, and how long a question about many photos took.

/** How long one question about some photos took. */
export interface AskedTogether {
  ms: number;
  photos: number;
}

const serviceMs = new Map<string, number>();
let lastAsked: AskedTogether = { ms: 0, photos: 0 };

/** How long the service took for the upload with this request id. Forgets it. */
export function takeServiceMs(requestId: string): number | undefined {
  const ms = serviceMs.get(requestId);
  serviceMs.delete(requestId);
  return ms;
}

/** The last question about many photos: the one that comes before their answers. */
export function askedTogether(): AskedTogether {
  return lastAsked;
}

export async function measuredFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const started = performance.now();
  const response = await fetch(input, init);
  const asksMany = String(input).endsWith("/check-cache/batch");
  if (response.ok) {
    const body = await response
      .clone()
      .json()
      .catch(() => null);
    if (asksMany) lastAsked = { ms: performance.now() - started, photos: body?.results?.length ?? 0 };
    else if (typeof body?.processing_time_ms === "number") serviceMs.set(body.request_id, body.processing_time_ms);
  }
  return response;
}
