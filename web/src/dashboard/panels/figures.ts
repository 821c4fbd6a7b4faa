// The key figures: what is looked at first.
import { fill, h } from "../../shared/dom.js";
import { duration, number, percent } from "../../shared/format.js";
import { type Beside, compare, earlierThan, signed, yesterdayOf } from "../comparison.js";
import { Panel, type Part, type Proof } from "../panel.js";
import { pathsOf, type Reading, type Readings } from "../sources.js";
import * as sql from "../sql.js";
import { newest, type Newest, type Sums } from "../totals.js";
import type { Latency, Yesterday } from "../types.js";
import { money, type View } from "../view.js";

interface Figure extends Beside {
  name: string;
  title: string;
  value: string | undefined;
  more?: string | undefined;
}

export function figures(): Part {
  const panel = new Panel("figures", "full");
  const update = (view: View): void => {
    const { trend, yesterday, identity, latency, budget } = view.readings;
    if (!panel.changed(view, view.live, view.feed, trend, yesterday, identity, latency, budget)) return;
    const known = newest(view);
    describe(panel, known, view);
    const failure = isFed(view) ? undefined : trend.failure;
    const shown = panel.mark({ ...(known && { data: known }), ...(failure && { failure }) }, view);
    if (shown) panel.markStale(oldest(shown, failure !== undefined, view), view);
    if (shown) fill(panel.body, list(all(shown, view), view));
  };
  return { element: panel.element, update };
}

/** Whether today's figures come by the feed at the moment. */
const isFed = (view: View) => view.days === 1 && (view.feed === "live" || view.feed === "polling");

/** As of when the oldest of these figures is whose newest reading failed; nothing where none did. */
function oldest(shown: Newest, isOld: boolean, { days, readings }: View): string | undefined {
  const { identity, latency, budget, yesterday } = readings;
  const others: Reading<{ as_of: string }>[] = [identity, latency, ...(days === 1 ? [budget, yesterday] : [])];
  const failed = others.flatMap(({ data, failure }) => (data && failure ? [data.as_of] : []));
  return [...(isOld ? [shown.as_of] : []), ...failed].sort()[0];
}

function describe(panel: Panel, known: Newest | undefined, view: View): void {
  const paths = pathsOf(view.days);
  const { identity, latency } = view.readings;
  const since = identity.data?.start;
  const proofs: Proof[] = [
    { path: view.days === 1 ? "/stats/today" : paths.trend, sql: since && sql.requests(since) },
    { path: paths.identity, sql: since && sql.spent(since) },
    { path: paths.latency, sql: latency.data && slowest(latency.data, latency.data.start) },
  ];
  if (view.days === 1) proofs.push({ path: paths.yesterday, sql: ofYesterday(yesterdayOf(known, view)) });
  panel.describe({ title: view.words.figures.title, line: view.words.figures.line, proofs }, view);
}

const slowest = ({ hits, paid }: Pick<Latency, "hits" | "paid">, start: string, until?: string) =>
  `${sql.slowest(paid, "paid", start, until)}\n${sql.slowest(hits, "hits", start, until)}`;

function ofYesterday(yesterday: Yesterday | undefined): string | undefined {
  if (!yesterday?.totals) return undefined;
  const { start, until, totals } = yesterday;
  return [sql.requests(start, until), sql.spent(start, until), slowest(totals, start, until)].join("\n");
}

function all(shown: Newest, view: View): Figure[] {
  const words = view.words.figures;
  const { sums } = shown;
  const earlier = earlierThan(shown, view);
  const price = (amount: number) => money(amount, view);
  const { total_requests, cache_misses, cost_saved } = sums;
  const spent = view.readings.identity.data?.paid.cost;
  return [
    {
      name: "requests",
      title: words.requests,
      value: number(total_requests),
      ...compare(total_requests, earlier?.total_requests, number, view),
    },
    { name: "hit-rate", title: words.hitRate, value: rate(sums, view), ...rates(sums, earlier, view) },
    { name: "paid", title: words.paid, value: number(cache_misses), ...compare(cache_misses, earlier?.cache_misses, number, view) },
    {
      name: "spent",
      title: words.spent,
      value: spent === undefined ? undefined : price(spent),
      ...(view.days === 1 ? compare(spent, earlier?.cost, price, view) : {}),
      more: limit(view.readings, view),
    },
    { name: "saved", title: words.saved, value: price(cost_saved), ...compare(cost_saved, earlier?.cost_saved, price, view) },
    slow(view, earlier?.paid, earlier?.hits),
  ];
}

/** How long answers took that a model gave, and below it those of the cache. */
function slow(view: View, paidThen: number | null | undefined, hitsThen: number | null | undefined): Figure {
  const words = view.words.figures;
  const { data } = view.readings.latency;
  const time = (milliseconds: number | null) => (milliseconds === null ? words.none : duration(milliseconds));
  const figure = { name: "slowest", title: words.slowest };
  if (!data) return { ...figure, value: undefined };
  const [paid, hits] = [data.paid.p95_ms, data.hits.p95_ms];
  const change = hits !== null && hitsThen != null ? ` ${signed(hits - hitsThen, duration)}` : "";
  return {
    ...figure,
    value: time(paid),
    ...(view.days === 1 ? compare(paid, paidThen, duration, view, "amount") : {}),
    more: words.cached(time(hits)) + change,
  };
}

const rate = (sums: Sums, view: View) =>
  sums.total_requests ? percent(sums.cache_hit_rate / 100) : view.words.figures.none;

/** Rates are compared by their points; of no requests there is none. */
function rates(sums: Sums, earlier: Sums | undefined, view: View): Beside {
  const then = earlier?.total_requests ? earlier.cache_hit_rate : undefined;
  const { beside } = compare(undefined, then, (points) => percent(points / 100), view);
  if (then === undefined || !sums.total_requests) return { beside };
  return { change: signed(sums.cache_hit_rate - then, (points) => number(points, 1)), beside };
}

function limit({ budget, identity }: Readings, view: View): string | undefined {
  const day = budget.data?.day;
  if (view.days === 1 && day?.limit && day.share !== null) {
    return view.words.figures.budget(percent(day.share, 0), money(day.limit, view));
  }
  return identity.data && view.words.figures.questions(number(identity.data.paid.calls));
}

function list(all: Figure[], view: View): HTMLElement {
  return h(
    "dl",
    { class: "figures" },
    ...all.map(({ name, title, value, change, more, beside = more ? undefined : "\u00a0" }) =>
      h(
        "div",
        { data: { figure: name } },
        h("dt", {}, title),
        h("dd", { class: "value" }, value ?? "…"),
        view.days === 1 && beside?.trim() ? h("dd", { class: "unseen" }, view.words.figures.yesterday) : null, // the head says it to the eye
        beside ? h("dd", { class: "beside" }, change ? h("span", { class: "change" }, change) : null, change ? " " : null, beside) : null,
        more ? h("dd", { class: "beside more" }, more) : null,
      ),
    ),
  );
}
