// The figures of the chosen days, and of those that they are compared with.
import type { Totals, Trend } from "./types.js";
import type { View } from "./view.js";

export type Sums = Pick<Totals, "total_requests" | "cache_hits" | "cache_misses" | "cache_hit_rate" | "cost_saved">;

/** Added up over days. The rate is that of the sum, and no mean of rates. */
export function sum(days: Sums[]): Sums {
  const add = (name: keyof Sums) => days.reduce((total, day) => total + day[name], 0);
  const [total_requests, cache_hits] = [add("total_requests"), add("cache_hits")];
  return {
    total_requests,
    cache_hits,
    cache_misses: add("cache_misses"),
    cache_hit_rate: total_requests ? (cache_hits * 100) / total_requests : 0,
    cost_saved: add("cost_saved"),
  };
}

/** The days that the reader chose, today the last of them. */
export function chosen(trend: Trend, days: number): Trend["trend"] {
  return trend.trend.slice(-days);
}

/** As many days before them; none where there was nothing. */
export function before(trend: Trend, days: number): Sums | undefined {
  const sums = sum(trend.trend.slice(-2 * days, -days));
  return sums.total_requests ? sums : undefined;
}

/** The newest that is known of the chosen days: today comes by the live feed. */
export function newest(view: View): { sums: Sums; as_of: string } | undefined {
  const { live, days } = view;
  const trend = view.readings.trend.data;
  if (days === 1 && live && (!trend || Date.parse(live.as_of) >= Date.parse(trend.as_of))) {
    return { sums: live.today, as_of: live.as_of };
  }
  if (!trend) return undefined;
  const of = chosen(trend, days);
  const today = of.at(-1);
  const sums = days === 1 && today ? today : sum(of);
  return { sums, as_of: trend.as_of };
}
