// The live feed: a stream where it goes through, asking every few seconds where it does not, nothing in a hidden tab.
import { request } from "../shared/api.js";
import { readEvents } from "./sse.js";
import type { Live } from "./types.js";

/** `stale`: nothing comes; it is tried again. `denied`: the key or the address is not good enough; it is not. */
export type FeedState = "connecting" | "live" | "polling" | "stale" | "denied";

export interface FeedOptions {
  onData(live: Live): void;
  onState(state: FeedState, status?: number): void;
}

const STREAM = "/stats/live/stream";
const POLL = "/stats/live";
const POLL_MS = 5_000;
const POLLS_BEFORE_STREAM = 6; // half a minute
const SILENCE_MS = 25_000; // the stream says something every 15 s
const FIRST_EVENT_MS = 10_000; // later means that something on the way holds it back
const LONGEST_WAIT_MS = 10_000;

class Denied extends Error {
  constructor(readonly status: number) {
    super();
  }
}

export class Feed {
  private stop: AbortController | null = null;

  constructor(private readonly options: FeedOptions) {}

  /** Begin, or begin again. */
  open(): void {
    this.close();
    this.stop = new AbortController();
    this.options.onState("connecting");
    void this.run(this.stop.signal);
  }

  close(): void {
    this.stop?.abort();
    this.stop = null;
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    try {
      while (!signal.aborted) {
        const streamed = await this.stream(signal);
        if (signal.aborted) return;
        const polled = !streamed && (await this.poll(signal));
        failures = streamed || polled ? 0 : failures + 1;
        if (failures) this.options.onState("stale");
        await pause(Math.min(1000 * 2 ** Math.max(failures - 1, 0), LONGEST_WAIT_MS), signal);
      }
    } catch (error) {
      if (!(error instanceof Denied)) throw error;
      this.options.onState("denied", error.status);
    }
  }

  /** Read the stream to its end. Returns whether any event came. */
  private async stream(signal: AbortSignal): Promise<boolean> {
    const own = new AbortController();
    const abort = () => own.abort();
    signal.addEventListener("abort", abort);
    let came = false;
    let watch = setTimeout(abort, FIRST_EVENT_MS);
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(abort, came ? SILENCE_MS : FIRST_EVENT_MS);
    };
    try {
      const response = await request(STREAM, { signal: own.signal });
      check(response);
      if (!response.ok || !response.body || !isEventStream(response)) return false;
      await readEvents(
        response.body,
        ({ event, data }) => {
          if (event === "trouble") this.options.onState("stale");
          if (event !== "live") return;
          came = true;
          alive();
          const live = JSON.parse(data) as Live;
          queueMicrotask(() => this.take(live, "live", signal)); // a mistake in the page is no broken connection
        },
        alive,
      );
    } catch (error) {
      if (error instanceof Denied) throw error; // the rest is a connection that broke
    } finally {
      clearTimeout(watch);
      signal.removeEventListener("abort", abort);
      own.abort();
    }
    return came;
  }

  /** Ask for half a minute, if there is an answer. Returns whether there was one. */
  private async poll(signal: AbortSignal): Promise<boolean> {
    for (let asked = 0; asked < POLLS_BEFORE_STREAM && !signal.aborted; asked += 1) {
      let live: Live;
      try {
        const response = await request(POLL, { signal: AbortSignal.any([signal, AbortSignal.timeout(POLL_MS)]) });
        check(response);
        if (!response.ok) return asked > 0;
        live = ((await response.json()) as { data: Live }).data;
      } catch (error) {
        if (error instanceof Denied) throw error;
        return asked > 0;
      }
      this.take(live, "polling", signal);
      await pause(POLL_MS, signal);
    }
    return true;
  }

  private take(live: Live, state: FeedState, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.options.onData(live);
    this.options.onState(state);
  }
}

function check(response: Response): void {
  if (response.status === 401 || response.status === 403) throw new Denied(response.status);
}

function isEventStream(response: Response): boolean {
  return (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
