// Figures as people of the page's language write them. All return text.

import { locale } from "./i18n.js";

const NARROW_SPACE = "\u202f"; // between a figure and its unit, without a line break
const UNITS = [
  ["GB", 1e9],
  ["MB", 1e6],
  ["KB", 1e3],
] as const;

export function number(value: number, fractionDigits = 0): string {
  return format(value, { minimumFractionDigits: fractionDigits, maximumFractionDigits: fractionDigits });
}

/** `ratio` is 0 to 1. */
export function percent(ratio: number, fractionDigits = 1): string {
  return format(ratio, { style: "percent", maximumFractionDigits: fractionDigits });
}

/** Decimal units, as phones and browsers count: 1 MB is a million bytes. */
export function bytes(value: number): string {
  const [unit, one] = UNITS.find(([, least]) => value >= least) ?? ["B", 1];
  const size = value / one;
  const maximumFractionDigits = value >= 1e6 && size < 100 ? 1 : 0;
  return `${format(size, { maximumFractionDigits })}${NARROW_SPACE}${unit}`;
}

/** Limits are set in binary units: 10 MiB. */
export function mebibytes(value: number): string {
  return `${format(value / 2 ** 20, { maximumFractionDigits: 1 })}${NARROW_SPACE}MiB`;
}

/** 31 ms, 1.6 s, 3 min. */
export function duration(ms: number): string {
  if (ms < 1000) return `${format(Math.round(ms), {})}${NARROW_SPACE}ms`;
  if (ms < 99_950) return `${format(ms / 1000, { maximumFractionDigits: 1 })}${NARROW_SPACE}s`;
  return `${format(Math.round(ms / 60_000), {})}${NARROW_SPACE}min`;
}

/** `currency` is an ISO 4217 code. Small amounts keep the digits that tell them apart. */
export function money(amount: number, currency: string): string {
  const digits =
    amount !== 0 && Math.abs(amount) < 0.1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 };
  return format(amount, { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digits });
}

/** A time of day, in the browser's zone or in the one named. */
export function time(at: Date | string, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  return new Intl.DateTimeFormat(locale(), {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
    ...zone,
  }).format(new Date(at));
}

/** A day such as 2026-11-30, which is nobody's midnight: it stays that day in every zone. */
export function day(date: string): string {
  const options = { day: "numeric", month: "short", timeZone: "UTC" } as const;
  return new Intl.DateTimeFormat(locale(), options).format(new Date(`${date}T00:00:00Z`));
}

function format(value: number, options: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(locale(), options).format(value);
}
