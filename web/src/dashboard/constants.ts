// What does not change while the service runs: its currency, and the names of the categories.
import { call } from "../shared/api.js";
import { language } from "../shared/i18n.js";

const LONGEST_MS = 30_000;

type Names = Record<string, { chinese: string; english: string }>;

export class Constants {
  /** ISO 4217; empty until it is known. */
  currency = "";
  private names: Names = {};

  /** `onRead` is called when one has been read. */
  constructor(private readonly onRead: () => void) {}

  get categories(): string[] {
    return Object.keys(this.names);
  }

  /** A category as people of the page's language call it; its key until that is known. */
  namer(): (key: string) => string {
    const { names } = this;
    const part = language() === "zh" ? "chinese" : "english";
    return (key) => names[key]?.[part] ?? key;
  }

  /** Read what is not known yet. What cannot be read is read the next time. */
  read(): void {
    if (!this.currency) {
      void attempt<{ currency: string }>("/about", ({ currency }) => {
        this.currency = currency;
        this.onRead();
      });
    }
    if (!this.categories.length) {
      void attempt<Names>("/categories", (names) => {
        this.names = names;
        this.onRead();
      });
    }
  }
}

async function attempt<Data>(path: string, take: (data: Data) => void): Promise<void> {
  const signal = AbortSignal.timeout(LONGEST_MS);
  const answer = await call<{ data: Data }>(path, { signal }).catch(() => null);
  if (answer) take(answer.data);
}
