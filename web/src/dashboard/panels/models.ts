// What each model was asked, what became of it, and what a thousand questions cost.
import { fill } from "../../shared/dom.js";
import { number } from "../../shared/format.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import { models as statement } from "../sql.js";
import { table } from "../table.js";
import type { ModelUse } from "../types.js";
import { money, type View } from "../view.js";

/** What the embedded network says beside a model is no failure either. */
const NO_FAILURE = new Set(["answered", "refused", "sure", "unsure", "agreed", "disagreed", "degraded"]);

export function models(): Part {
  const panel = new Panel("models");
  const update = (view: View): void => {
    const reading = view.readings.models;
    if (!panel.changed(view, reading)) return;
    const words = view.words.models;
    const when = view.words.during(view.days);
    const start = reading.data?.start;
    const proof = { path: pathsOf(view.days).models, sql: start && statement(start) };
    panel.describe({ title: words.title, line: words.line(when), proofs: [proof] }, view);
    const data = panel.mark(reading, view);
    if (!data) return;
    if (!data.models.length) return fill(panel.body, nothingYet(words.empty(when)));
    const figures = [words.calls, words.refused, words.failed, words.perThousand];
    const columns = [{ title: words.model }, ...figures.map((title) => ({ title, figure: true }))];
    fill(panel.body, table(words.title, columns, data.models.map((model) => row(model, view))));
  };
  return { element: panel.element, update };
}

function row(use: ModelUse, view: View): string[] {
  const count = (of: (outcome: string) => boolean) =>
    use.outcomes.reduce((sum, { outcome, calls }) => sum + (of(outcome) ? calls : 0), 0);
  const name = use.model ?? view.words.models.unknown;
  return [
    use.lane === "standard" ? name : `${name} (${use.lane})`,
    number(use.calls),
    number(count((outcome) => outcome === "refused")),
    number(count((outcome) => !NO_FAILURE.has(outcome))),
    money((use.cost * 1000) / use.calls, view),
  ];
}
