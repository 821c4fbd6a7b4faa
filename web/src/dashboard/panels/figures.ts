// The key figures: what is looked at first.
import { fill, h } from "../../shared/dom.js";
import { duration, number, percent } from "../../shared/format.js";
import { Panel, type Part } from "../panel.js";
import { pathsOf, type Reading, type Readings } from "../sources.js";
import * as sql from "../sql.js";
import { before, newest, type Newest, type Sums } from "../totals.js";
import { money, type View } from "../view.js";

interface Figure {
  name: string;
  title: string;
  value: string | undefined;
  change?: string | undefined;
  beside?: string | undefined;
}

export function figures(): Part {
  const panel = new Panel("figures", "full");
  const update = (view: View): void => {
    const { trend, identity, latency, budget } = view.readings;
    if (!panel.changed(view, view.live, view.feed, trend, identity, latency, budget)) return;
    describe(panel, view);
    const known = newest(view);
    const failure = isFed(view) ? undefined : trend.failure;
    const shown = panel.mark({ ...(known && { data: known }), ...(failure && { failure }) }, view);
    if (shown) panel.markStale(oldest(shown, failure !== undefined, view), view);
    if (shown) fill(panel.body, list(all(shown, view)));
  };
  return { element: panel.element, update };
}

/** Whether today's figures come by the feed at the moment. */
const isFed = (view: View) => view.days === 1 && (view.feed === "live" || view.feed === "polling");

/** As of when the oldest of these figures is whose newest reading failed; nothing where none did. */
function oldest(shown: Newest, isOld: boolean, { days, readings }: View): string | undefined {
  const { identity, latency, budget } = readings;
  const others: Reading<{ as_of: string }>[] = days === 1 ? [identity, latency, budget] : [identity, latency];
  const failed = others.flatMap(({ data, failure }) => (data && failure ? [data.as_of] : []));
  return [...(isOld ? [shown.as_of] : []), ...failed].sort()[0];
}

function describe(panel: Panel, view: View): void {
  const paths = pathsOf(view.days);
  const { identity, latency } = view.readings;
  const since = identity.data?.start;
  const proofs = [
    { path: view.days === 1 ? "/stats/today" : paths.trend, sql: since && sql.requests(since) },
    { path: paths.identity, sql: since && sql.spent(since) },
    { path: paths.latency, sql: latency.data && `${sql.slowest(latency.data, "paid")}\n${sql.slowest(latency.data, "hits")}` },
  ];
  panel.describe({ title: view.words.figures.title, line: view.words.figures.line, proofs }, view);
}

function all({ sums, as_of }: Newest, view: View): Figure[] {
  const words = view.words.figures;
  const { trend, identity, latency } = view.readings;
  const earlier = trend.data && before(trend.data, view.days, as_of);
  const price = (amount: number) => money(amount, view);
  const compare = (name: "total_requests" | "cache_misses" | "cost_saved", text: (value: number) => string) =>
    compared(sums[name], earlier?.[name], text, view);
  const slow = (milliseconds: number | null | undefined) => (milliseconds == null ? words.none : duration(milliseconds));
  return [
    { name: "requests", title: words.requests, value: number(sums.total_requests), ...compare("total_requests", number) },
    { name: "hit-rate", title: words.hitRate, value: rate(sums, view), ...rates(sums, earlier, view) },
    { name: "paid", title: words.paid, value: number(sums.cache_misses), ...compare("cache_misses", number) },
    { name: "spent", title: words.spent, value: identity.data && price(identity.data.paid.cost), beside: limit(view.readings, view) },
    { name: "saved", title: words.saved, value: price(sums.cost_saved), ...compare("cost_saved", price) },
    {
      name: "slowest",
      title: words.slowest,
      value: latency.data && slow(latency.data.paid.p95_ms),
      beside: latency.data && words.cached(slow(latency.data.hits.p95_ms)),
    },
  ];
}

const rate = (sums: Sums, view: View) =>
  sums.total_requests ? percent(sums.cache_hit_rate / 100) : view.words.figures.none;

/** Of a whole day that is not over no part can be told: yesterday's figure stands beside today's, without a change. */
function compared(value: number, earlier: number | undefined, text: (value: number) => string, view: View): Partial<Figure> {
  const words = view.words.figures;
  if (earlier === undefined) return {};
  if (view.days === 1) return { beside: words.yesterday(text(earlier)) };
  return { change: earlier ? signed((value - earlier) / earlier, percent) : undefined, beside: words.before(text(earlier)) };
}

function rates(sums: Sums, earlier: Sums | undefined, view: View): Partial<Figure> {
  const words = view.words.figures;
  if (!earlier || !sums.total_requests) return {};
  const change = signed(sums.cache_hit_rate - earlier.cache_hit_rate, (points) => number(points, 1));
  const rate = percent(earlier.cache_hit_rate / 100);
  return { change, beside: view.days === 1 ? words.yesterday(rate) : words.before(rate) };
}

const signed = (value: number, text: (value: number) => string) => `${value < 0 ? "−" : "+"}${text(Math.abs(value))}`;

function limit({ budget, identity }: Readings, view: View): string | undefined {
  const day = budget.data?.day;
  if (view.days === 1 && day?.limit && day.share !== null) {
    return view.words.figures.budget(percent(day.share, 0), money(day.limit, view));
  }
  return identity.data && view.words.figures.questions(number(identity.data.paid.calls));
}

function list(all: Figure[]): HTMLElement {
  return h(
    "dl",
    { class: "figures" },
    ...all.map(({ name, title, value, change, beside }) =>
      h(
        "div",
        { data: { figure: name } },
        h("dt", {}, title),
        h("dd", { class: "value" }, value ?? "…"),
        h("dd", { class: "beside" }, change ? h("span", { class: "change" }, change) : null, change ? " " : null, beside ?? "\u00a0"),
      ),
    ),
  );
}
