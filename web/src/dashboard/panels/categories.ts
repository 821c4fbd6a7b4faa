// The answered requests by category.
import { fill } from "../../shared/dom.js";
import { number, percent } from "../../shared/format.js";
import { classify } from "../commands.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import { categories as statement } from "../sql.js";
import { bar, table } from "../table.js";
import type { View } from "../view.js";

export function categories(): Part {
  const panel = new Panel("categories", "narrow");
  const update = (view: View): void => {
    const reading = view.readings.categories;
    if (!panel.changed(view, reading)) return;
    const words = view.words.categories;
    const when = view.words.during(view.days);
    const start = reading.data?.start;
    const proof = { path: pathsOf(view.days).categories, sql: start && statement(start) };
    panel.describe({ title: words.title, line: words.line(when), proofs: [proof] }, view);
    const data = panel.mark(reading, view)?.data;
    if (!data) return;
    if (!data.length) return fill(panel.body, nothingYet(words.empty(when), classify));
    const most = data[0]?.count ?? 1;
    const columns = [
      { title: words.category },
      { title: "", wide: true },
      { title: words.requests, figure: true },
      { title: words.share, figure: true },
      { title: words.confidence, figure: true },
    ];
    const rows = data.map((one) => [
      view.category(one.category),
      bar(one.count / most),
      number(one.count),
      percent(one.percentage / 100),
      number(one.avg_confidence, 2),
    ]);
    fill(panel.body, table(words.title, columns, rows));
  };
  return { element: panel.element, update };
}
