// What each model was asked, what became of it, and what a thousand questions cost.
import { fill, h } from "../../shared/dom.js";
import { number, percent } from "../../shared/format.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import * as sql from "../sql.js";
import { table } from "../table.js";
import type { Models, ModelUse } from "../types.js";
import { money, type View } from "../view.js";

/** What the embedded network says beside a model is no failure either. */
const NO_FAILURE = new Set(["answered", "refused", "sure", "unsure", "agreed", "disagreed", "degraded"]);

export function models(): Part {
  const panel = new Panel("models", "half");
  const update = (view: View): void => {
    const reading = view.readings.models;
    if (!panel.changed(view, reading)) return;
    const words = view.words.models;
    const when = view.words.during(view.days);
    const start = reading.data?.start;
    const proof = { path: pathsOf(view.days).models, sql: start && `${sql.models(start)}\n${sql.network(start)}` };
    panel.describe({ title: words.title, line: words.line(when), proofs: [proof] }, view);
    const data = panel.mark(reading, view);
    if (!data) return;
    if (!data.models.length) return fill(panel.body, nothingYet(words.empty(when)));
    const figures = [words.calls, words.refused, words.failed, words.perThousand];
    const columns = [{ title: words.model }, ...figures.map((title) => ({ title, figure: true }))];
    fill(panel.body, table(words.title, columns, data.models.map((model) => row(model, view))), network(data, view));
  };
  return { element: panel.element, update };
}

/** What the embedded network spares beside a model, and how far it can be trusted. */
function network({ network }: Models, view: View): HTMLElement | null {
  const { photos, share_answered, compared, agreed, agreement_low } = network;
  if (!photos) return null;
  const words = view.words.models;
  const agreement = compared ? words.agreed(number(agreed), number(compared), percent(agreement_low)) : words.notCompared;
  return h("p", { class: "note" }, words.network(percent(share_answered), number(photos)), agreement);
}

function row(use: ModelUse, view: View): string[] {
  const count = (of: (outcome: string) => boolean) =>
    use.outcomes.reduce((sum, { outcome, calls }) => sum + (of(outcome) ? calls : 0), 0);
  return [
    nameOf(use, view),
    number(use.calls),
    number(count((outcome) => outcome === "refused")),
    number(count((outcome) => !NO_FAILURE.has(outcome))),
    money((use.cost * 1000) / use.calls, view),
  ];
}

/** A model, with the lane where it is another than the usual. */
export function nameOf({ model, lane }: ModelUse, view: View): string {
  const name = model ?? view.words.models.unknown;
  return lane === "standard" ? name : `${name} (${lane})`;
}
