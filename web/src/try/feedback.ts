// "This is wrong": the eight categories, one click, and what that changes.

import type { Category } from "../../../clients/typescript/src/browser.js";
import { ApiError, call } from "../shared/api.js";
import { h } from "../shared/dom.js";
import { categories, categoryName } from "./about.js";
import { causeOf } from "./causes.js";
import type { Photo } from "./photo.js";
import { texts } from "./strings.js";
import { userId } from "./user.js";

/** Returns the choice of categories while it is open, what was said after it, or nothing. */
export function feedbackOf(photo: Photo, changed: () => void): HTMLElement | null {
  const { isOpen, said, failure } = photo.feedback;
  if (isOpen) return choice(photo, changed);
  if (failure !== undefined) return h("p", { class: "small trouble", attrs: { role: "alert" } }, failure);
  return said === undefined ? null : h("p", { class: "small said" }, texts().youSaid(categoryName(said)));
}

function choice(photo: Photo, changed: () => void): HTMLElement {
  const close = (): void => {
    photo.feedback.isOpen = false;
    changed();
  };
  const button = (category: Category): HTMLElement =>
    h(
      "button",
      { type: "button", class: "choice", on: { click: () => void say(photo, category, changed) } },
      categoryName(category),
    );
  const others = categories().filter((category) => category !== photo.answer?.category);
  return h(
    "div",
    {
      class: "feedback",
      attrs: { role: "group", "aria-label": texts().whatIsIt },
      on: { keydown: ({ key }) => key === "Escape" && close() },
    },
    h("span", { class: "small soft" }, texts().whatIsIt),
    ...others.map(button),
    h("button", { type: "button", class: "link small", on: { click: close } }, texts().cancel),
  );
}

async function say(photo: Photo, category: Category, changed: () => void): Promise<void> {
  photo.feedback = { isOpen: false };
  try {
    const json = { request_id: photo.answer!.requestId, category };
    await call("/feedback", { json, headers: { "X-User-ID": userId } });
    photo.feedback.said = category;
  } catch (error) {
    photo.feedback.failure = error instanceof ApiError ? causeOf(error) : String(error);
  }
  changed();
}
