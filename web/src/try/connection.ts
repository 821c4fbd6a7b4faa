// Whether the service can be reached, and waiting until it can. The service itself is asked: the browser calls a machine
// without a network offline, though a service on the same machine, or in a closed network, can be reached all the time.

import { call } from "../shared/api.js";

const PROBE_EVERY_MS = 2_000;
const PROBE_TIMEOUT_MS = 5_000;
const LONGEST_PAUSE_MS = 30_000;

/** Returns as soon as the service answers. What the browser says of the network is only a hint to look at once. */
export async function untilBack(): Promise<void> {
  while (!(await answers())) await pause(PROBE_EVERY_MS);
}

/** Repeats this until it succeeds: with pauses that grow, and while the service is away not at all. */
export async function untilDone(attempt: () => Promise<boolean>): Promise<void> {
  for (let ms = PROBE_EVERY_MS; !(await attempt()); ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
    await pause(ms);
    await untilBack();
  }
}

/** Whether the service answers now. */
export async function answers(): Promise<boolean> {
  try {
    await call("/health/live", { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    return true;
  } catch {
    return false;
  }
}

/** Ends early when the browser has found a network. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    }
    addEventListener("online", end);
  });
}
