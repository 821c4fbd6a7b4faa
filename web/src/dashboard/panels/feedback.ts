// The answers that users disagree with, and where an operator decides.
import { fill, h } from "../../shared/dom.js";
import { feedback as example } from "../commands.js";
import { correctionForm } from "../correction.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import { feedback as statement } from "../sql.js";
import type { Disputed } from "../types.js";
import { dayAndMinute, type View } from "../view.js";

/** `onDecision` is called when an answer was corrected or confirmed. */
export function feedback(categories: () => string[], onDecision: () => void): Part {
  const panel = new Panel("feedback", "half");
  const told = h("p", { class: "small", attrs: { role: "status" } });
  let open: string | undefined;
  let shown: View;

  const decided = (category: string): void => {
    open = undefined;
    told.textContent = shown.words.feedback.done(shown.category(category));
    draw(shown);
    onDecision();
  };
  const turn = (disputed: Disputed): void => {
    open = open === disputed.image_hash ? undefined : disputed.image_hash;
    told.textContent = "";
    draw(shown);
    panel.body.querySelector<HTMLElement>(open ? "form select" : `[data-hash="${disputed.image_hash}"] button`)?.focus();
  };
  const row = (disputed: Disputed, view: View): HTMLElement => {
    const isOpen = open === disputed.image_hash;
    const text = isOpen ? view.words.feedback.close : view.words.feedback.look;
    const sentence = sentenceOf(disputed, view);
    const button = h(
      "button",
      { type: "button", class: "link", attrs: { "aria-expanded": String(isOpen) }, on: { click: () => turn(disputed) } },
      text,
      h("span", { class: "unseen" }, `: ${sentence}`),
    );
    const when = h("span", { class: "small soft moment" }, dayAndMinute(disputed.last_vote_at, view));
    const line = h("div", { class: "ends" }, h("span", {}, sentence, " ", when), button);
    const form = isOpen ? correctionForm(disputed, view, { categories: categories(), decided, close: () => turn(disputed) }) : null;
    return h("li", { data: { hash: disputed.image_hash } }, line, form);
  };
  const draw = (view: View): void => {
    const data = view.readings.feedback.data?.data;
    if (!data) return;
    const rows = data.map((disputed) => row(disputed, view));
    fill(panel.body, told, data.length ? h("ul", { class: "sentences" }, ...rows) : nothingYet(view.words.feedback.empty, example));
  };
  const update = (view: View): void => {
    const reading = view.readings.feedback;
    shown = view;
    const { title, line } = view.words.feedback;
    // Who is writing a reason is not interrupted.
    if (open && reading.data?.data.some((disputed) => disputed.image_hash === open)) return;
    if (!panel.changed(view, reading)) return;
    open = undefined;
    panel.describe({ title, line, proofs: [{ path: pathsOf(1).feedback, sql: statement }] }, view);
    if (panel.mark(reading, view)) draw(view);
  };
  return { element: panel.element, update };
}

function sentenceOf({ votes, answered, categories }: Disputed, view: View): string {
  const said = categories.find(({ category }) => category !== null && category !== answered)?.category;
  return view.words.feedback.votes(votes, view.category(answered), said ? view.category(said) : "");
}
