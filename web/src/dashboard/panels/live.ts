// Requests a second in the last 15 minutes, by how they were answered.
import { fill, h } from "../../shared/dom.js";
import { number, time } from "../../shared/format.js";
import { Chart } from "../chart.js";
import { classify } from "../commands.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { byMinute, KINDS } from "../points.js";
import { live as statement } from "../sql.js";
import { table } from "../table.js";
import { TableSwitch } from "../table-switch.js";
import type { Point } from "../types.js";
import { minute, type View, zone } from "../view.js";

const STROKES = { bytes: "--by-bytes", content: "--by-content", question: "--by-question", near: "--by-near", paid: "--by-model" };

interface Drawn {
  chart: Chart;
  switched: TableSwitch;
  language: string;
}

export function live(): Part {
  const panel = new Panel("live", "wide");
  let shown: View;
  let drawn: Drawn | undefined;

  /** The chart stays as long as it is in the same words: somebody may be in it. */
  const draw = (view: View): Drawn => {
    const { language } = view;
    if (drawn?.language === language) return drawn;
    drawn?.chart.destroy();
    const chart = makeChart(() => shown);
    const switched = new TableSwitch(chart.element, legend(view), view.words.asTable);
    fill(panel.body, switched.element);
    return (drawn = { chart, switched, language });
  };
  const showInstead = (element: HTMLElement): void => {
    drawn?.chart.destroy();
    drawn = undefined;
    fill(panel.body, element);
  };
  const update = (view: View): void => {
    if (!panel.changed(view, view.points, view.feed)) return;
    shown = view;
    const { title, line, note } = view.words.live;
    const first = view.points[0]?.at;
    panel.describe({ title, line, proofs: [{ path: "/stats/live", sql: first && statement(first) }], note }, view);
    panel.markStale(view.feed === "stale" ? view.live?.as_of : undefined, view);
    const missing = !view.live && view.feed === "stale";
    panel.element.classList.toggle("loading", !view.live && !missing);
    if (missing) return showInstead(h("p", { class: "notice" }, view.words.live.missing));
    if (!view.points.length) return showInstead(h("p", { class: "soft" }, view.words.live.waiting));
    if (view.points.every((point) => rate(point, view) === 0)) {
      return showInstead(nothingYet(view.words.live.empty, classify));
    }
    const { chart, switched } = draw(view);
    chart.setData(stacked(view));
    switched.show(minutes(view));
  };
  return { element: panel.element, update };
}

const total = (point: Point) => KINDS.reduce((sum, kind) => sum + point[kind], 0);
const rate = (point: Point, view: View) => total(point) / (view.live?.seconds_per_point ?? 5);

/** Each line is the sum of itself and of those below it; the highest comes first, so that the lower are drawn over it.
 * The last point is left out: it is not over yet, and would look like an end. */
function stacked(view: View): number[][] {
  const points = view.points.slice(0, -1);
  const seconds = view.live?.seconds_per_point ?? 5;
  const lines = KINDS.map((_, at) =>
    points.map((point) => KINDS.slice(0, at + 1).reduce((sum, kind) => sum + point[kind], 0) / seconds),
  );
  return [points.map(({ at }) => Date.parse(at) / 1000), ...lines.reverse()];
}

function makeChart(shown: () => View): Chart {
  return new Chart({
    lines: [...KINDS].reverse().map((kind) => ({ stroke: STROKES[kind], fill: STROKES[kind] })),
    label: shown().words.live.sentence,
    height: 264,
    steps: [60, 120, 180, 300],
    x: (at) => minute(at * 1000, shown()),
    y: (value) => number(value, value % 1 ? 1 : 0),
    read: (at) => readPoint(at, shown()),
  });
}

function readPoint(at: number, view: View): string {
  const point = view.points[at];
  if (!point) return "";
  const parts = KINDS.filter((kind) => point[kind]).map((kind) => `${view.words.live.kinds[kind]} ${number(point[kind])}`);
  return [view.words.live.reading(time(point.at, zone(view)), number(rate(point, view), 1)), ...parts].join(" · ");
}

function legend(view: View): HTMLElement {
  const swatch = (kind: string) => h("span", { class: "swatch", data: { kind }, attrs: { "aria-hidden": "true" } });
  return h("ul", { class: "legend" }, ...KINDS.map((kind) => h("li", {}, swatch(kind), view.words.live.kinds[kind])));
}

function minutes(view: View): HTMLElement {
  const words = view.words.live;
  const columns = [words.minute, words.all, ...KINDS.map((kind) => words.kinds[kind])];
  return table(
    words.table,
    columns.map((title, at) => ({ title, figure: at > 0 })),
    byMinute(view.points).map(({ at, counts }) => [
      minute(at, view),
      number(KINDS.reduce((sum, kind) => sum + counts[kind], 0)),
      ...KINDS.map((kind) => number(counts[kind])),
    ]),
  );
}
