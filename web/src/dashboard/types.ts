// What the endpoints answer, as far as the page shows it: `docs/endpoints.md` and `/openapi.json` have all of it.

/** The figures of `GET /stats/today`, and of each day of `GET /stats/trend`. */
export interface Totals {
  total_requests: number;
  cache_hits: number;
  cache_misses: number;
  cache_hit_rate: number;
  estimated_cost: number;
  cost_saved: number;
}

export interface Trend {
  start: string;
  as_of: string;
  timezone: string;
  trend: (Totals & { day: string })[];
}

export interface Percentiles {
  requests: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export interface Latency {
  start: string;
  as_of: string;
  hits: Percentiles;
  paid: Percentiles;
}

/** Yesterday from midnight until the time of day that it is now. */
export interface Yesterday {
  start: string;
  until: string;
  as_of: string;
  timezone: string;
  /** From when on minutes have everything; null: from the beginning, or none have been counted yet. */
  known_since: string | null;
  /** Null: minutes do not have everything from `start` on. */
  totals: (Totals & { cost: number; hits: Percentiles; paid: Percentiles }) | null;
}

export interface CategoryShare {
  category: string;
  count: number;
  percentage: number;
  avg_confidence: number;
}

export interface Categories {
  start: string;
  as_of: string;
  data: CategoryShare[];
}

export type MatchedBy = "bytes" | "content" | "question" | "near";

export interface Identity {
  start: string;
  as_of: string;
  matches: { matched_by: MatchedBy; requests: number; cost_saved: number }[];
  paid: { requests: number; calls: number; cost: number };
  near: {
    mode: "off" | "observe" | "auto" | "serve";
    state: string;
    comparisons: number;
    disagreed: number;
    error_low: number;
    error_high: number;
  };
}

export interface ModelUse {
  provider: string | null;
  model: string | null;
  lane: string;
  calls: number;
  outcomes: { outcome: string; calls: number }[];
  input_tokens: number;
  cached_tokens: number;
  output_tokens: number;
  /** Those of input and output whose cost is not on record. */
  unpriced_tokens: number;
  cost: number;
}

export interface Models {
  start: string;
  as_of: string;
  models: ModelUse[];
  network: { photos: number; share_answered: number; compared: number; agreed: number; agreement_low: number };
}

export interface Budget {
  period: string;
  limit: number | null;
  spent: number | null;
  reserved: number | null;
  share: number | null;
  renewed_at: string | null;
}

export interface Budgets {
  as_of: string;
  day: Budget;
  month: Budget;
}

export interface UserUse {
  user_id: string;
  request_count: number;
  cache_hit_rate: number;
  last_request: string;
}

export interface ImageUse {
  image_hash: string;
  category: string;
  hit_count: number;
  last_hit_at: string;
}

/** A list, as of when it was read. */
export interface Listed<Item> {
  as_of: string;
  data: Item[];
}

export interface Health {
  status: "healthy" | "degraded" | "unhealthy";
  /** Its `timestamp`. */
  as_of: string;
  database: "connected" | "disconnected" | "not_initialized" | "misconfigured";
  model_api: "available" | "unavailable";
  spooled_records?: number;
}

/** An answer that users say is wrong. */
export interface Disputed {
  image_hash: string;
  answered: string;
  votes: number;
  last_vote_at: string;
  categories: { category: string | null; votes: number }[];
}

export interface AuditEntry {
  id: number;
  created_at: string;
  key_name: string | null;
  ip_address: string | null;
  action: string;
  image_hash: string | null;
  reason: string;
  before: { category: string } | null;
  after: { category: string } | null;
  purged: { deleted: number } | null;
}

/** How many requests were answered how, in the seconds from `at` on. */
export interface Point {
  at: string;
  bytes: number;
  content: number;
  question: number;
  near: number;
  paid: number;
}

/** What is under way, of the processes that share a machine with the one that answers. */
export interface State {
  uploads_in_progress: number;
  model_calls_in_progress: number;
  model_queue: number;
  breaker_open: number | boolean;
  spool_rows: number;
  outbox_rows: number;
}

export interface Live {
  as_of: string;
  timezone: string;
  seconds_per_point: number;
  points: Point[];
  today: Totals;
  state: State;
}
