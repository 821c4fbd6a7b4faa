// The statements that give the same figures, read from the tables of `sql/init.sql` itself. Both databases take them.
import type { Percentiles, Trend } from "./types.js";

/** A moment as the tables have it: UTC, without a zone. */
export function sqlTime(iso: string): string {
  return new Date(iso).toISOString().slice(0, 19).replace("T", " ");
}

const since = (start: string) => `created_at >= '${sqlTime(start)}'`;

/** From one moment on, and until before another if there is one. */
const between = (start: string, until?: string) =>
  since(start) + (until === undefined ? "" : ` AND created_at < '${sqlTime(until)}'`);

export const requests = (start: string, until?: string) => `SELECT COUNT(*) AS requests, SUM(from_cache) AS from_cache,
  SUM(from_cache) * 100.0 / COUNT(*) AS hit_rate, SUM(1 - from_cache) AS asked
FROM request_log
WHERE ${between(start, until)};`;

export const spent = (start: string, until?: string) => `SELECT SUM(cost) AS spent
FROM model_call
WHERE COALESCE(provider, '') <> 'local' AND ${between(start, until)};`;

/** The times in order: the one that 95 in a hundred do not pass. The figure is told from buckets, right within 5 %. */
export function slowest({ requests }: Percentiles, kind: "hits" | "paid", start: string, until?: string): string {
  const rank = Math.max(Math.ceil((requests * 95) / 100), 1);
  return `SELECT processing_time_ms AS p95_ms
FROM request_log
WHERE from_cache = ${kind === "hits" ? 1 : 0} AND processing_time_ms IS NOT NULL AND ${between(start, until)}
ORDER BY processing_time_ms
LIMIT 1 OFFSET ${rank - 1};`;
}

export const live = (start: string) => `SELECT COALESCE(matched_by, 'paid') AS answered_by, COUNT(*) AS requests
FROM request_log
WHERE ${since(start)}
GROUP BY answered_by;`;

export function cost(trend: Trend, first: string): string {
  return `SELECT SUM(1 - from_cache) AS paid, COUNT(*) AS without_cache -- times COST_PER_API_CALL
FROM request_log
WHERE ${since(first)}; -- the last point, ${trend.timezone}`;
}

export const identity = (start: string) => `SELECT matched_by, COUNT(*) AS requests
FROM request_log
WHERE from_cache = 1 AND ${since(start)}
GROUP BY matched_by;`;

export const trials = `SELECT COUNT(*) AS comparisons, SUM(near_category <> model_category) AS differed
FROM (SELECT near_category, model_category FROM near_trial ORDER BY id DESC LIMIT 1000) AS latest;`;

export const categories = (start: string) => `SELECT category, COUNT(*) AS requests, AVG(confidence) AS confidence
FROM request_log
WHERE ${since(start)}
GROUP BY category
ORDER BY requests DESC, category;`;

export const models = (start: string) => `SELECT provider, model, lane, COUNT(*) AS calls,
  SUM(outcome = 'refused') AS refused, SUM(cost) * 1000 / COUNT(*) AS cost_per_1000
FROM model_call
WHERE ${since(start)}
GROUP BY provider, model, lane
ORDER BY calls DESC;`;

export const network = (start: string) => `SELECT outcome, COUNT(*) AS photos
FROM model_call
WHERE provider = 'local' AND ${since(start)}
GROUP BY outcome;`;

export const tokens = (start: string) => `SELECT provider, model, lane, SUM(input_tokens) AS input,
  SUM(cached_tokens) AS cached, SUM(output_tokens) AS output,
  SUM(CASE WHEN cost IS NULL THEN input_tokens + output_tokens ELSE 0 END) AS unpriced
FROM model_call
WHERE COALESCE(provider, '') <> 'local' AND ${since(start)}
GROUP BY provider, model, lane
ORDER BY COUNT(*) DESC;`;

export const database = `SELECT MAX(number) AS version FROM schema_version;`;

export const outbox = `SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) AS outbox_rows FROM stats_outbox;`;

export const budget = (day: string, month: string) => `SELECT period, spent / 1e10 AS spent
FROM budget
WHERE period IN ('${day}', '${month}');`;

export const users = `SELECT user_id, COUNT(*) AS requests, SUM(from_cache) * 100.0 / COUNT(*) AS hit_rate,
  MAX(created_at) AS last_request
FROM request_log
WHERE user_id IS NOT NULL
GROUP BY user_id
ORDER BY requests DESC, user_id
LIMIT 10;`;

export const images = `SELECT image_hash, category, hit_count, last_hit_at
FROM image_classification_cache
ORDER BY hit_count DESC, id DESC
LIMIT 10;`;

export const feedback = `SELECT f.image_hash, c.category, COUNT(*) AS votes
FROM feedback AS f
LEFT JOIN image_classification_cache AS own ON own.image_hash = f.image_hash
LEFT JOIN image_alias AS a ON a.name = f.image_hash
JOIN image_classification_cache AS c ON c.image_hash = COALESCE(own.image_hash, a.image_hash)
WHERE c.model_used <> 'operator' AND c.category = f.answered AND (f.category IS NULL OR f.category <> c.category)
GROUP BY f.image_hash, c.category
ORDER BY votes DESC, f.image_hash
LIMIT 20;`;

export const audit = `SELECT id, created_at, key_name, action, image_hash, reason
FROM audit
ORDER BY id DESC
LIMIT 20;`;
