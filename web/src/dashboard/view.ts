// What the panels are given to show: one object for all of them.
import { money as inCurrency } from "../shared/format.js";
import { locale } from "../shared/i18n.js";
import type { FeedState } from "./feed.js";
import type { Readings } from "./sources.js";
import type { Live, Point } from "./types.js";
import type { Words } from "./words.js";

export interface View {
  words: Words;
  language: string;
  /** How many days the reader chose; 1 is today. */
  days: number;
  /** `STATS_TIMEZONE`: the one zone that times and days on this page are of; empty until it is known. */
  timezone: string;
  /** ISO 4217; empty until it is known. */
  currency: string;
  readings: Readings;
  feed: FeedState;
  /** The newest of the live feed, and the points of the last 15 minutes. */
  live: Live | undefined;
  points: Point[];
  category(key: string): string;
}

/** The zone of all times: until the service has said which it is, one that nobody mistakes for their own. */
export function zone(view: View): string {
  return view.timezone || "UTC";
}

/** An amount in the service's currency. Until that is known no amount is told: another currency's would be wrong. */
export function money(amount: number, { currency }: View): string {
  return currency ? inCurrency(amount, currency) : "…";
}

/** The day that a moment is of, such as 2026-11-30. */
export function dayOf(at: string, timeZone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone }).format(new Date(at)); // Sweden writes days as ISO 8601 does
}

/** The time of day, to the minute. */
export function minute(at: number | string, view: View): string {
  return moment(at, view, {});
}

/** Day and time. */
export function dayAndMinute(at: number | string, view: View): string {
  return moment(at, view, { day: "numeric", month: "short" });
}

function moment(at: number | string, view: View, more: Intl.DateTimeFormatOptions): string {
  const options = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone(view), ...more } as const;
  return new Intl.DateTimeFormat(locale(), options).format(new Date(at));
}
