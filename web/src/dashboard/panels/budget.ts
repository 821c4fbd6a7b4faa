// What models may cost, and what they have.
import { fill, h } from "../../shared/dom.js";
import { percent } from "../../shared/format.js";
import { budget as settings } from "../commands.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import { budget as statement } from "../sql.js";
import { bar } from "../table.js";
import type { Budget } from "../types.js";
import { dayAndMinute, money, type View } from "../view.js";

export function budget(): Part {
  const panel = new Panel("budget", "half");
  const update = (view: View): void => {
    const reading = view.readings.budget;
    if (!panel.changed(view, reading)) return;
    const words = view.words.budget;
    const sql = reading.data && statement(reading.data.day.period, reading.data.month.period);
    panel.describe({ title: words.title, line: words.line, proofs: [{ path: pathsOf(1).budget, sql }] }, view);
    const data = panel.mark(reading, view);
    if (!data) return;
    if (data.day.spent === null && data.month.spent === null) return fill(panel.body, nothingYet(words.empty, settings));
    fill(panel.body, period(words.day, data.day, view), period(words.month, data.month, view));
  };
  return { element: panel.element, update };
}

function period(name: string, budget: Budget, view: View): HTMLElement {
  const words = view.words.budget;
  const price = (amount: number) => money(amount, view);
  const spent = price(budget.spent ?? 0);
  const { limit, share } = budget;
  if (limit === null || share === null) return h("div", { class: "budget" }, line(name, `${spent}, ${words.unlimited}`));
  return h(
    "div",
    { class: "budget", data: { state: share >= 0.8 ? "trouble" : "well" } },
    line(name, words.of(spent, price(limit), percent(share, 0))),
    bar(share),
    budget.renewed_at ? h("p", { class: "small soft" }, words.renewed(dayAndMinute(budget.renewed_at, view))) : null,
  );
}

function line(name: string, text: string): HTMLElement {
  return h("p", { class: "ends" }, h("span", {}, name), h("span", { class: "number" }, text));
}
