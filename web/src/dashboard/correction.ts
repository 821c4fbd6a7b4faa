// Corrects one answer, or confirms it: for all names of the photo, for everybody, and on record.
import { ApiError, call } from "../shared/api.js";
import { fill, h } from "../shared/dom.js";
import { number } from "../shared/format.js";
import type { Disputed } from "./types.js";
import type { View } from "./view.js";

export interface CorrectionOptions {
  categories: string[];
  decided(category: string): void;
  close(): void;
}

interface CachedAnswer {
  image_hash: string;
  category: string;
  confidence: number;
  description: string | null;
  model_used: string;
  hit_count: number;
}

export function correctionForm(disputed: Disputed, view: View, options: CorrectionOptions): HTMLElement {
  const words = view.words.feedback;
  const path = `/cache/${encodeURIComponent(disputed.image_hash)}`;
  const about = h("dl", { class: "about" });
  const trouble = h("p", { class: "notice", hidden: true, attrs: { role: "alert" } });
  const category = h("select", { name: "category" }, ...options.categories.map((key) => h("option", { value: key }, view.category(key))));
  category.value = disputed.categories.find((vote) => vote.category && vote.category !== disputed.answered)?.category ?? disputed.answered;
  const reason = h("input", { name: "reason", required: true, maxLength: 500, placeholder: words.reasonHint, autocomplete: "off" });
  const button = h("button", { type: "submit", class: "button primary" });
  const name = () => (button.textContent = category.value === disputed.answered ? words.confirm : words.correct);
  name();

  const fail = (error: unknown): void => {
    trouble.hidden = false;
    trouble.textContent = words.failed(error instanceof ApiError ? error.message : String(error));
    button.disabled = false;
  };
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    button.disabled = true;
    trouble.hidden = true;
    const json = { category: category.value, reason: reason.value };
    await call(path, { method: "PUT", json }).then(() => options.decided(json.category), fail);
  };
  const closeByEscape = (event: KeyboardEvent): void => {
    if (event.key === "Escape") options.close();
  };
  void call<{ data: CachedAnswer }>(path).then(({ data }) => fill(about, ...describe(data, view)), fail);
  return h(
    "form",
    { class: "correction", on: { submit: (event: Event) => void send(event), change: name, keydown: closeByEscape } },
    about,
    h("label", {}, h("span", {}, words.category), category),
    h("label", {}, h("span", {}, words.reason), reason),
    button,
    trouble,
  );
}

function describe(answer: CachedAnswer, view: View): HTMLElement[] {
  const words = view.words.feedback;
  const facts = [
    [words.hash, answer.image_hash],
    [words.given, [view.category(answer.category), number(answer.confidence, 2), answer.description].filter(Boolean).join(", ")],
    [words.by, answer.model_used],
    [words.hits, number(answer.hit_count)],
  ];
  return facts.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]);
}
