// The steps of a photo as a bar, as long as they took, and in words.

import { h } from "../shared/dom.js";
import * as format from "../shared/format.js";
import type { DoneStep, Photo } from "./photo.js";
import { texts } from "./strings.js";

const FULL_BAR_MS = 2_000; // as long as a model often takes; what takes longer shares the width

/** Returns the bar and the words below it. */
export function stepsOf(photo: Photo): HTMLElement {
  const { steps } = photo;
  const whole = Math.max(
    FULL_BAR_MS,
    steps.reduce((sum, step) => sum + step.ms, 0),
  );
  const parts = steps.map((step) =>
    h("span", { data: { step: step.name }, style: { width: `max(2px, ${((100 * step.ms) / whole).toFixed(2)}%)` } }),
  );
  return h(
    "div",
    { class: "steps" },
    h("div", { class: "bar", attrs: { "aria-hidden": "true" } }, ...parts),
    h("p", { class: "small soft" }, steps.map((step) => words(step, photo)).join(" · ")),
  );
}

function words(step: DoneStep, photo: Photo): string {
  const all = texts();
  const isNetwork = step.name === "model" && photo.answer?.modelUsed === "local-network";
  const name = all.steps[isNetwork ? "network" : step.name];
  const { together = 1 } = step;
  return `${name}\u00a0${format.duration(step.ms)}${together > 1 ? all.together(format.number(together)) : ""}`;
}
