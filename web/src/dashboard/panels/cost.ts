// What all requests would have cost, and what those did that asked the model, added up by day.
import { fill, h } from "../../shared/dom.js";
import { day as dayOf } from "../../shared/format.js";
import { locale } from "../../shared/i18n.js";
import { Chart } from "../chart.js";
import { classify } from "../commands.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import { cost as statement } from "../sql.js";
import { table } from "../table.js";
import { TableSwitch } from "../table-switch.js";
import type { Trend } from "../types.js";
import { money, type View } from "../view.js";

interface DayCost {
  day: string;
  paid: number;
  without: number;
}

interface Drawn {
  chart: Chart;
  switched: TableSwitch;
  /** The language, currency and days that it was made for. */
  as: string;
}

export function cost(): Part {
  const panel = new Panel("cost", "wide");
  let days: DayCost[] = [];
  let drawn: Drawn | undefined;

  /** The chart stays as long as it is of the same days and in the same words: somebody may be in it. */
  const draw = (view: View): Drawn => {
    const as = [view.language, view.currency, view.days].join();
    if (drawn?.as === as) return drawn;
    drawn?.chart.destroy();
    const chart = makeChart(() => days, view);
    const switched = new TableSwitch(chart.element, legend(view), view.words.asTable);
    fill(panel.body, switched.element);
    return (drawn = { chart, switched, as });
  };
  const clear = (): void => {
    drawn?.chart.destroy();
    drawn = undefined;
  };
  const update = (view: View): void => {
    const reading = view.readings.trend;
    if (!panel.changed(view, reading, view.readings.identity.data?.start)) return;
    days = reading.data ? addUp(reading.data, view.days) : [];
    describe(panel, view, days[0]);
    if (!panel.mark(reading, view)) return clear();
    if (!days.at(-1)?.without) {
      clear();
      return fill(panel.body, nothingYet(view.words.cost.empty, classify));
    }
    const { chart, switched } = draw(view);
    chart.setData([days.map((_, at) => at), days.map((one) => one.without), days.map((one) => one.paid)]);
    switched.show(tableOf(days, view));
  };
  return { element: panel.element, update };
}

function describe(panel: Panel, view: View, first: DayCost | undefined): void {
  const words = view.words.cost;
  const trend = view.readings.trend.data;
  // Today alone is no line: it is the last of the 30 days that are read then.
  const start = view.days === 1 ? trend?.start : view.readings.identity.data?.start;
  const proof = { path: pathsOf(view.days).trend, sql: trend && start && statement(trend, start) };
  panel.describe({ title: words.title(first ? dayOf(first.day) : "…"), line: words.line, proofs: [proof] }, view);
}

/** The days of the chart, each with all before it. */
function addUp(trend: Trend, days: number): DayCost[] {
  let [paid, without] = [0, 0];
  return trend.trend.slice(days === 1 ? 0 : -days).map((one) => {
    paid += one.estimated_cost;
    without += one.estimated_cost + one.cost_saved;
    return { day: one.day, paid, without };
  });
}

function makeChart(days: () => DayCost[], view: View): Chart {
  const words = view.words.cost;
  const name = (at: number) => dayOf(days()[at]?.day ?? "");
  const price = (amount: number | undefined) => money(amount ?? 0, view);
  return new Chart({
    lines: [
      { stroke: "--ink-soft", fill: "--accent-tint", width: 1.5, dash: [4, 4] },
      { stroke: "--accent", fill: "--card", width: 2 },
    ],
    label: words.sentence,
    height: 264,
    steps: [1, 2, 5, 7, 10, 15, 30],
    x: (at) => (days()[at] ? name(at) : ""),
    y: (amount) => shortPrice(amount, view),
    read: (at) => words.reading(name(at), price(days()[at]?.paid), price(days()[at]?.without)),
  });
}

/** For the axis, where all of a figure has no place: $5K. */
function shortPrice(amount: number, { currency }: View): string {
  if (!currency) return "…";
  const options = { style: "currency", currency, currencyDisplay: "narrowSymbol", notation: "compact" } as const;
  return new Intl.NumberFormat(locale(), options).format(amount);
}

function legend(view: View): HTMLElement {
  const words = view.words.cost;
  const swatch = (kind: string) => h("span", { class: "swatch", data: { kind }, attrs: { "aria-hidden": "true" } });
  const names = { without: words.without, saved: words.saved, paidline: words.paid };
  return h("ul", { class: "legend" }, ...Object.entries(names).map(([kind, name]) => h("li", {}, swatch(kind), name)));
}

function tableOf(days: DayCost[], view: View): HTMLElement {
  const words = view.words.cost;
  const price = (amount: number) => money(amount, view);
  const columns = [words.day, words.without, words.paid, words.saved];
  return table(
    words.sentence,
    columns.map((title, at) => ({ title, figure: at > 0 })),
    [...days].reverse().map(({ day, paid, without }) => [dayOf(day), price(without), price(paid), price(without - paid)]),
  );
}
