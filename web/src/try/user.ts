// Who asks: a random name of this browser, kept so that its corrections and its history stay its own.

const KEPT = "user";
const FORM = /^web-[0-9a-f]{32}$/;

export const userId = kept() ?? made();

function kept(): string | undefined {
  try {
    const found = localStorage.getItem(KEPT);
    return found !== null && FORM.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function made(): string {
  const random = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is not to be had on plain http
  const id = `web-${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  try {
    localStorage.setItem(KEPT, id);
  } catch {
    // no storage here: a new name each time
  }
  return id;
}
