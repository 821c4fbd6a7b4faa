// The statistics of the page: read all together, again after a minute, and only while somebody looks.
import { ApiError, call } from "../shared/api.js";
import type * as Answer from "./types.js";

/** What was read last, and why the newest attempt failed, if it did. */
export interface Reading<Data> {
  data?: Data;
  failure?: ApiError;
}

export interface Readings {
  trend: Reading<Answer.Trend>;
  yesterday: Reading<Answer.Yesterday>;
  latency: Reading<Answer.Latency>;
  categories: Reading<Answer.Categories>;
  identity: Reading<Answer.Identity>;
  models: Reading<Answer.Models>;
  budget: Reading<Answer.Budgets>;
  users: Reading<Answer.Listed<Answer.UserUse>>;
  images: Reading<Answer.Listed<Answer.ImageUse>>;
  health: Reading<Answer.Health>;
  feedback: Reading<Answer.Listed<Answer.Disputed>>;
  audit: Reading<Answer.Listed<Answer.AuditEntry>>;
}

export type Name = keyof Readings;

/** Where each is read from. The trend reaches back to what is compared, and today's to a month for the chart. */
export function pathsOf(days: number): Record<Name, string> {
  return {
    trend: `/stats/trend?days=${days === 1 ? 30 : days * 2}`,
    yesterday: "/stats/yesterday",
    latency: `/stats/latency?days=${days}`,
    categories: `/stats/category-distribution?days=${days}`,
    identity: `/stats/identity?days=${days}`,
    models: `/stats/models?days=${days}`,
    budget: "/stats/budget",
    users: "/stats/users/top?limit=10",
    images: "/stats/images/top?limit=10",
    health: "/health",
    feedback: "/feedback?limit=20",
    audit: "/audit?limit=20",
  };
}

/** Those whose answer is `{data, as_of, ...}`, and is used as a whole. */
const WHOLE: ReadonlySet<Name> = new Set(["categories", "users", "images"]);
const LISTS: ReadonlySet<Name> = new Set(["feedback", "audit"]);

const LONGEST_MS = 30_000;

export class Sources {
  readings: Readings = empty();
  private days = 1;
  private round = new AbortController();

  /** `onReading` is called when one has been read or could not be. */
  constructor(private readonly onReading: (name: Name) => void) {}

  /** Read those of so many days. Those of other days are forgotten: they are answers to another question. */
  select(days: number): void {
    if (days !== this.days) {
      const { budget, users, images, health, feedback, audit } = this.readings;
      this.readings = { ...empty(), budget, users, images, health, feedback, audit };
    }
    this.days = days;
  }

  /** Forget all, as when another key is shown. */
  clear(): void {
    this.round.abort();
    this.round = new AbortController();
    this.readings = empty();
  }

  get failing(): boolean {
    return Object.values(this.readings).some((reading: Reading<unknown>) => reading.failure);
  }

  /** Read all of them, and give up what is still being read. */
  async readAll(): Promise<void> {
    this.round.abort();
    this.round = new AbortController();
    const { signal } = this.round;
    const names = (Object.keys(this.readings) as Name[]).filter((name) => name !== "yesterday" || this.days === 1);
    await Promise.all(names.map((name) => this.read(name, signal)));
  }

  async read(name: Name, signal: AbortSignal = this.round.signal): Promise<void> {
    const reading = await this.attempt(name, signal);
    if (signal.aborted) return;
    const before = this.readings[name] as Reading<unknown>;
    (this.readings as Record<Name, Reading<unknown>>)[name] =
      "failure" in reading && before.data !== undefined ? { data: before.data, ...reading } : reading;
    this.onReading(name);
  }

  private async attempt(name: Name, signal: AbortSignal): Promise<Reading<unknown>> {
    try {
      const accept = name === "health" ? [503] : []; // who cannot serve says so, and why
      const ended = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]);
      return { data: dataOf(name, await call(pathsOf(this.days)[name], { signal: ended, accept })) };
    } catch (error) {
      return { failure: error instanceof ApiError ? error : new ApiError(0, "unreadable", String(error)) };
    }
  }
}

function empty(): Readings {
  const names = Object.keys(pathsOf(1)) as Name[];
  return Object.fromEntries(names.map((name) => [name, {}])) as unknown as Readings;
}

function dataOf(name: Name, body: { data?: unknown; timestamp?: string }): unknown {
  if (name === "health") return { ...body, as_of: body.timestamp };
  if (WHOLE.has(name)) return body;
  if (LISTS.has(name)) return { data: body.data, as_of: new Date().toISOString() };
  return body.data;
}
