// The figures of the chosen days, and of those that they are compared with.
import type { Totals, Trend } from "./types.js";
import { dayOf, type View } from "./view.js";

export type Sums = Pick<Totals, "total_requests" | "cache_hits" | "cache_misses" | "cache_hit_rate" | "cost_saved">;

export interface Newest {
  sums: Sums;
  as_of: string;
}

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

/** Whether the newest day of the trend is the one that this moment is of: after midnight it is not, until it is read. */
export function reaches(trend: Trend, moment: string): boolean {
  return trend.trend.at(-1)?.day === dayOf(moment, trend.timezone);
}

/** As many days before those whose figures are as of this moment; none where there was nothing. */
export function before(trend: Trend, days: number, asOf: string): Sums | undefined {
  if (!reaches(trend, asOf)) return undefined;
  const sums = sum(trend.trend.slice(-2 * days, -days));
  return sums.total_requests ? sums : undefined;
}

/** The newest that is known of the chosen days: today comes by the live feed. */
export function newest(view: View): Newest | undefined {
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
