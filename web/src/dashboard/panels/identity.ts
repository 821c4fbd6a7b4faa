// By which names photos were recognised, what that saved, and how far a second look can be trusted.
import { fill, h } from "../../shared/dom.js";
import { number, percent } from "../../shared/format.js";
import { classify } from "../commands.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { KINDS, type Kind } from "../points.js";
import { pathsOf } from "../sources.js";
import * as sql from "../sql.js";
import { table } from "../table.js";
import type { Identity } from "../types.js";
import { money, type View } from "../view.js";

export function identity(): Part {
  const panel = new Panel("identity", "narrow");
  const update = (view: View): void => {
    const reading = view.readings.identity;
    if (!panel.changed(view, reading)) return;
    const words = view.words.identity;
    const statement = reading.data && `${sql.identity(reading.data.start)}\n${sql.trials}`;
    panel.describe(
      {
        title: words.title,
        line: words.line(view.words.during(view.days)),
        proofs: [{ path: pathsOf(view.days).identity, sql: statement }],
      },
      view,
    );
    const data = panel.mark(reading, view);
    if (!data) return;
    const requests = requestsOf(data);
    const all = KINDS.reduce((sum, kind) => sum + requests[kind], 0);
    if (!all) return fill(panel.body, nothingYet(words.empty, classify), trust(data, view));
    fill(panel.body, wholeBar(requests, all), rows(data, requests, all, view), trust(data, view));
  };
  return { element: panel.element, update };
}

function requestsOf(data: Identity): Record<Kind, number> {
  const of = Object.fromEntries(data.matches.map((match) => [match.matched_by, match.requests]));
  return { bytes: 0, content: 0, question: 0, near: 0, ...of, paid: data.paid.requests };
}

function wholeBar(requests: Record<Kind, number>, all: number): HTMLElement {
  const part = (kind: Kind) => h("span", { data: { kind }, style: { width: `${(requests[kind] / all) * 100}%` } });
  return h("div", { class: "whole-bar", attrs: { "aria-hidden": "true" } }, ...KINDS.map(part));
}

function rows(data: Identity, requests: Record<Kind, number>, all: number, view: View): HTMLElement {
  const words = view.words;
  const saved = (kind: Kind) => data.matches.find((match) => match.matched_by === kind)?.cost_saved;
  const name = (kind: Kind) =>
    h("span", { class: "named" }, h("span", { class: "swatch", data: { kind }, attrs: { "aria-hidden": "true" } }), words.live.kinds[kind]);
  const columns = [
    { title: words.identity.name },
    { title: words.categories.requests, figure: true, wide: true },
    { title: words.categories.share, figure: true },
    { title: words.figures.saved, figure: true },
  ];
  const lines = KINDS.map((kind) => {
    const amount = saved(kind);
    return [
      name(kind),
      number(requests[kind]),
      percent(requests[kind] / all),
      amount === undefined ? h("span", { class: "soft" }, words.identity.paid) : money(amount, view),
    ];
  });
  return table(words.identity.title, columns, lines);
}

function trust({ near }: Identity, view: View): HTMLElement {
  const words = view.words.identity;
  if (near.state === "off") return h("p", { class: "note" }, words.off);
  const trials = near.comparisons
    ? words.trials(number(near.disagreed), number(near.comparisons), percent(near.error_high, 1))
    : words.noTrials;
  return h("p", { class: "note" }, `${near.state === "serving" ? words.serving : words.observing}: ${trials}`);
}
