// The tokens of each model, and how far their cost is known.
import { fill, h } from "../../shared/dom.js";
import { number, percent } from "../../shared/format.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import { tokens as statement } from "../sql.js";
import { table } from "../table.js";
import type { ModelUse } from "../types.js";
import type { View } from "../view.js";
import { nameOf } from "./models.js";

export function tokens(): Part {
  const panel = new Panel("tokens", "half");
  const update = (view: View): void => {
    const reading = view.readings.models;
    if (!panel.changed(view, reading)) return;
    const words = view.words.tokens;
    const when = view.words.during(view.days);
    const start = reading.data?.start;
    const proof = { path: pathsOf(view.days).models, sql: start && statement(start) };
    panel.describe({ title: words.title, line: words.line(when), proofs: [proof] }, view);
    const data = panel.mark(reading, view);
    if (!data) return;
    const models = data.models.filter(({ provider }) => provider !== "local"); // which counts no tokens
    if (!models.length) return fill(panel.body, nothingYet(view.words.models.empty(when)));
    const columns = [
      { title: view.words.models.model },
      ...[words.input, words.cached, words.output].map((title) => ({ title, figure: true })),
      { title: words.priced, figure: true, wide: true }, // the line below says it of all
    ];
    fill(panel.body, table(words.title, columns, models.map((model) => row(model, view))), note(models, view));
  };
  return { element: panel.element, update };
}

function row(use: ModelUse, view: View): string[] {
  const amounts = [use.input_tokens, use.cached_tokens, use.output_tokens];
  return [nameOf(use, view), ...amounts.map((amount) => number(amount)), shareOf([use])];
}

/** The share of their tokens whose cost is on record. */
function shareOf(models: ModelUse[]): string {
  const add = (amount: (use: ModelUse) => number) => models.reduce((sum, use) => sum + amount(use), 0);
  const all = add((use) => use.input_tokens + use.output_tokens);
  return all ? percent(1 - add((use) => use.unpriced_tokens) / all) : "—";
}

function note(models: ModelUse[], view: View): HTMLElement {
  const words = view.words.tokens;
  const isKnown = models.every((use) => use.unpriced_tokens === 0);
  return h("p", { class: "note" }, isKnown ? words.allPriced : words.somePriced(shareOf(models)));
}
