// Whether the service can be reached, and waiting until it can.

import { call } from "../shared/api.js";

const PROBE_EVERY_MS = 2_000;
const PROBE_TIMEOUT_MS = 5_000;

/** Returns as soon as the service answers. What the browser says of the network is only a hint to look at once. */
export async function untilBack(): Promise<void> {
  while (!(await answers())) await soon();
}

/** Whether the service answers now. */
export async function answers(): Promise<boolean> {
  if (!navigator.onLine) return false;
  try {
    await call("/health/live", { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    return true;
  } catch {
    return false;
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, PROBE_EVERY_MS);
    function end(): void {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    }
    addEventListener("online", end);
  });
}
