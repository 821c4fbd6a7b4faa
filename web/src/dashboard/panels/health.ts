// How the service is, in sentences.
import { fill, h } from "../../shared/dom.js";
import { number } from "../../shared/format.js";
import { Panel, type Part } from "../panel.js";
import * as sql from "../sql.js";
import type { Health, State } from "../types.js";
import type { View } from "../view.js";

const GAUGES = ["uploads_in_progress", "model_calls_in_progress", "queue_length", "spooled_answers", "model_breaker_processes"]
  .map((name) => `image_classifier_${name}`)
  .join(", ");

interface Sentence {
  text: string;
  figure?: number;
  isTrouble: boolean;
}

export function health(): Part {
  const panel = new Panel("health", "half");
  const update = (view: View): void => {
    const reading = view.readings.health;
    if (!panel.changed(view, view.live?.state, view.feed, reading)) return;
    const words = view.words.health;
    const { title, line } = words;
    const proofs = [
      { path: "/health", sql: sql.database },
      { path: "/stats/live", sql: sql.outbox },
    ];
    panel.describe({ title, line, proofs, note: words.note(GAUGES) }, view);
    // How it was before it could not be reached is nobody's health.
    const data = panel.mark(reading.failure ? { failure: reading.failure } : reading, view);
    if (!data) return;
    const isFed = view.feed === "live" || view.feed === "polling";
    const state = isFed ? view.live?.state : undefined;
    const sentences = [...ofHealth(data, view), ...(state ? ofState(state, view) : [])];
    fill(panel.body, list(sentences), state ? null : h("p", { class: "note" }, words.noFeed));
  };
  return { element: panel.element, update };
}

function ofHealth(data: Health, view: View): Sentence[] {
  const words = view.words.health;
  return [
    { text: words.status[data.status], isTrouble: data.status !== "healthy" },
    { text: words.database[data.database], isTrouble: data.database !== "connected" },
    { text: words.model[data.model_api], isTrouble: data.model_api !== "available" },
  ];
}

function ofState(state: State, view: View): Sentence[] {
  const words = view.words.health;
  const open = Number(state.breaker_open);
  const under = [number(state.uploads_in_progress), number(state.model_calls_in_progress), number(state.model_queue)] as const;
  return [
    ...(open ? [{ text: words.breaker, figure: open, isTrouble: true }] : []),
    { text: words.spool(state.spool_rows), figure: state.spool_rows, isTrouble: state.spool_rows > 0 },
    { text: words.outbox(state.outbox_rows), figure: state.outbox_rows, isTrouble: false },
    { text: words.underWay(...under), isTrouble: false },
  ];
}

function list(sentences: Sentence[]): HTMLElement {
  const item = ({ text, figure, isTrouble }: Sentence) =>
    h(
      "li",
      { data: { state: isTrouble ? "trouble" : "well" } },
      h("span", {}, text),
      figure === undefined ? null : h("span", { class: "number" }, number(figure)),
    );
  return h("ul", { class: "sentences" }, ...sentences.map(item));
}
