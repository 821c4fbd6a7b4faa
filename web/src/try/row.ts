// One photo's line: what it shows, its steps, by what it was recognised, what that saved, what can be done.

import { fill, h } from "../shared/dom.js";
import * as format from "../shared/format.js";
import { categoryName } from "./about.js";
import { causeOf, mayHelpAgain } from "./causes.js";
import { feedbackOf } from "./feedback.js";
import { costSentence } from "./money.js";
import { isSaved, originOf, type Photo } from "./photo.js";
import { stepsOf } from "./steps.js";
import { texts } from "./strings.js";
import { thumbnail } from "./thumbnails.js";

/** What a line can ask of the page. */
export interface Actions {
  again(photo: Photo): void;
  select(photo: Photo): void;
}

/** One line. It is drawn anew whenever its photo has changed; its small picture stays. */
export class Row {
  readonly element: HTMLLIElement;
  private readonly body = h("div", { class: "body" });
  private readonly side = h("div", { class: "side" });

  constructor(
    private readonly photo: Photo,
    private readonly actions: Actions,
  ) {
    this.element = h(
      "li",
      { id: `photo-${photo.id}`, class: "card photo", tabIndex: -1 },
      thumbnail(photo.file),
      this.body,
      this.side,
    );
    this.draw();
  }

  draw(): void {
    const { state, feedback } = this.photo;
    const hadFocus = this.element.contains(document.activeElement) && document.activeElement !== this.element;
    this.element.dataset.state = state;
    if (state === "done") this.drawDone();
    else if (state === "failed") this.drawFailed();
    else this.drawUnderWay();
    if (hadFocus) this.focus(feedback.isOpen ? ".choice" : ".actions button");
  }

  /** What had the focus is gone: it goes to what took its place. */
  private focus(selector: string): void {
    (this.element.querySelector<HTMLElement>(selector) ?? this.element).focus();
  }

  private drawUnderWay(): void {
    const { file, steps } = this.photo;
    fill(
      this.body,
      h("h3", {}, file.name),
      h("p", { class: "soft" }, underWay(this.photo)),
      steps.length > 0 && stepsOf(this.photo),
    );
    fill(this.side);
  }

  private drawFailed(): void {
    const { error, file } = this.photo;
    fill(this.body, h("h3", {}, file.name), h("p", { class: "soft" }, causeOf(error!)));
    fill(
      this.side,
      badge("trouble", texts().failedBadge),
      mayHelpAgain(error!) &&
        h(
          "div",
          { class: "actions small" },
          this.button(texts().again, () => this.actions.again(this.photo)),
        ),
    );
  }

  private drawDone(): void {
    const { description } = this.photo.answer!;
    const why = texts().why[originOf(this.photo)];
    fill(
      this.body,
      this.heading(),
      h("p", { class: "soft" }, description ?? why),
      stepsOf(this.photo),
      feedbackOf(this.photo, () => this.draw()),
    );
    fill(
      this.side,
      h("span", { title: why }, originBadge(this.photo)),
      h("p", { class: "small soft" }, costSentence(this.photo)),
      this.actionsWhenDone(),
    );
  }

  private heading(): HTMLElement {
    const { answer, file } = this.photo;
    const confidence = format.number(answer!.confidence, 2);
    const words = texts().confidence(confidence);
    return h(
      "h3",
      {},
      categoryName(answer!.category),
      " ",
      h("span", { class: "unseen" }, words),
      h("span", { class: "soft", title: words, attrs: { "aria-hidden": "true" } }, confidence),
      " ",
      h("span", { class: "small soft file" }, file.name),
    );
  }

  private actionsWhenDone(): HTMLElement {
    const { answer, feedback } = this.photo;
    const mayBeWrong = answer!.requestId !== "" && !feedback.isOpen;
    return h(
      "div",
      { class: "actions small" },
      this.button(texts().show, () => this.actions.select(this.photo)),
      mayBeWrong && this.button(texts().wrong, () => this.openFeedback()),
    );
  }

  private openFeedback(): void {
    this.photo.feedback = { isOpen: true };
    this.draw();
  }

  private button(text: string, click: () => void): HTMLElement {
    const of = h("span", { class: "unseen" }, `: ${this.photo.file.name}`);
    return h("button", { type: "button", class: "quiet", on: { click } }, text, of);
  }
}

function underWay({ current, wait }: Photo): string {
  const all = texts();
  if (wait) return [causeOf(wait.error), all.nextTry(format.duration(wait.ms))].join(all.between);
  return current ? all.now[current] : all.waiting;
}

function originBadge(photo: Photo): HTMLElement {
  const origin = originOf(photo);
  const kind = origin === "makeshift" ? "trouble" : isSaved(photo.answer!) ? "saved" : "asked";
  return badge(kind, texts().origin[origin]);
}

function badge(kind: string, text: string): HTMLElement {
  return h("span", { class: "badge", data: { kind } }, text);
}
