// The statements that give the same figures, read from the tables of `sql/init.sql` itself. Both databases take them.
import type { Latency, Trend } from "./types.js";

/** A moment as the tables have it: UTC, without a zone. */
export function sqlTime(iso: string): string {
  return new Date(iso).toISOString().slice(0, 19).replace("T", " ");
}

const since = (start: string) => `created_at >= '${sqlTime(start)}'`;

export const requests = (start: string) => `SELECT COUNT(*) AS requests, SUM(from_cache) AS from_cache,
  SUM(from_cache) * 100.0 / COUNT(*) AS hit_rate, SUM(1 - from_cache) AS asked
FROM request_log
WHERE ${since(start)};`;

export const spent = (start: string) => `SELECT SUM(cost) AS spent
FROM model_call
WHERE COALESCE(provider, '') <> 'local' AND ${since(start)};`;

/** The times in order: the one that 95 in a hundred do not pass. The figure is told from buckets, right within 5 %. */
export function slowest(latency: Latency, kind: "hits" | "paid"): string {
  const rank = Math.max(Math.ceil((latency[kind].requests * 95) / 100), 1);
  return `SELECT processing_time_ms AS p95_ms
FROM request_log
WHERE from_cache = ${kind === "hits" ? 1 : 0} AND processing_time_ms IS NOT NULL AND ${since(latency.start)}
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

export const audit = `SELECT id, created_at, key_name, action, image_hash, reason
FROM audit
ORDER BY id DESC
LIMIT 20;`;
