// What the key figures are compared with: yesterday until this time of day, or as many days before.
import { percent } from "../shared/format.js";
import { before, newest, type Newest, type Sums } from "./totals.js";
import type { Yesterday } from "./types.js";
import { dayAndMinute, dayOf, minute, type View } from "./view.js";

/** What is not known is not in it. */
export interface Earlier extends Sums {
  cost?: number;
  hits?: number | null;
  paid?: number | null;
}

/** What stands below a figure. */
export interface Beside {
  change?: string | undefined;
  beside?: string | undefined;
}

const UNKNOWN = "—";
const STILL_READ = "\u00a0";

/** What was read of yesterday, if it is the yesterday of these figures: after midnight it is not, until it is read. */
export function yesterdayOf(shown: Newest | undefined, view: View): Yesterday | undefined {
  const { data } = view.readings.yesterday;
  if (view.days !== 1 || !data || !shown) return undefined;
  return dayOf(data.as_of, data.timezone) === dayOf(shown.as_of, data.timezone) ? data : undefined;
}

export function earlierThan(shown: Newest, view: View): Earlier | undefined {
  const trend = view.readings.trend.data;
  if (view.days !== 1) return trend && before(trend, view.days, shown.as_of);
  const totals = yesterdayOf(shown, view)?.totals;
  return totals ? { ...totals, hits: totals.hits.p95_ms, paid: totals.paid.p95_ms } : undefined;
}

/** The figure of then, and by which part of it, or by how much, the present one is larger. */
export function compare(
  value: number | null | undefined,
  earlier: number | null | undefined,
  text: (value: number) => string,
  view: View,
  by: "part" | "amount" = "part",
): Beside {
  if (earlier == null) return view.days === 1 ? { beside: isRead(view) ? UNKNOWN : STILL_READ } : {};
  const beside = view.days === 1 ? text(earlier) : view.words.figures.before(text(earlier));
  if (value == null) return { beside };
  if (by === "amount") return { change: signed(value - earlier, text), beside };
  return { change: earlier ? signed((value - earlier) / earlier, percent) : undefined, beside };
}

export const signed = (value: number, text: (value: number) => string) =>
  `${value < 0 ? "−" : "+"}${text(Math.abs(value))}`;

/** Whether yesterday has been read, or could not be. After midnight what was read before is of another day. */
function isRead(view: View): boolean {
  return yesterdayOf(newest(view), view) !== undefined || view.readings.yesterday.failure !== undefined;
}

/** What the figures are compared with, or why with nothing, as the end of a sentence; empty until that is known. */
export function comparisonOf(view: View): string {
  const { days, words, readings } = view;
  if (days !== 1) return words.comparedWith.days(days);
  const yesterday = yesterdayOf(newest(view), view);
  if (!yesterday) return readings.yesterday.failure ? words.comparedWith.unread : "";
  const { totals, until, known_since } = yesterday;
  const time = minute(until, view);
  if (totals) return totals.total_requests ? words.comparedWith.yesterday(time) : words.comparedWith.nothing(time);
  return known_since ? words.comparedWith.since(dayAndMinute(known_since, view)) : words.comparedWith.unknown;
}
