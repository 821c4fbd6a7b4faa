// "How does my app do this?": four tabs with the call of the photo that was chosen, or was done last.

import { apiKey } from "../shared/api.js";
import { fill, h } from "../shared/dom.js";
import { originOf, type Photo } from "./photo.js";
import { LANGUAGES, snippet, type SnippetLanguage } from "./snippets.js";
import { texts } from "./strings.js";
import { userId } from "./user.js";

const COPIED_MS = 1_500;

export class AppPanel {
  readonly element = h("section", { id: "app", class: "card app", tabIndex: -1 });
  private language: SnippetLanguage = "curl";
  private photo: Photo | undefined;
  private drawn = "";

  /** Shows the call of this photo. */
  show(photo: Photo | undefined): void {
    this.photo = photo;
    this.draw();
  }

  draw(): void {
    const code = snippet(this.language, this.photo, userId, apiKey() !== undefined);
    const about = this.aboutPhoto();
    const state = [code, about, this.language, texts().app].join("\n");
    if (state === this.drawn) return;
    this.drawn = state;
    const hadFocus = this.element.querySelector("[role=tablist]")?.contains(document.activeElement);
    fill(
      this.element,
      h("h2", {}, texts().app),
      h("p", { class: "soft small" }, about),
      this.tabs(),
      h(
        "pre",
        { id: "app-code", tabIndex: 0, attrs: { role: "tabpanel", "aria-labelledby": `tab-${this.language}` } },
        h("code", {}, code),
      ),
      this.copyButton(code),
    );
    if (hadFocus) this.element.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
  }

  private aboutPhoto(): string {
    if (!this.photo?.answer) return texts().appNone;
    return [texts().appOf(this.photo.file.name), texts().why[originOf(this.photo)]].join(texts().between);
  }

  private tabs(): HTMLElement {
    const move = (event: KeyboardEvent): void => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      this.choose(LANGUAGES[(LANGUAGES.indexOf(this.language) + by + LANGUAGES.length) % LANGUAGES.length]!);
    };
    return h(
      "div",
      { class: "tabs", attrs: { role: "tablist", "aria-label": texts().languages }, on: { keydown: move } },
      ...LANGUAGES.map((language) => this.tab(language)),
    );
  }

  private tab(language: SnippetLanguage): HTMLElement {
    const isChosen = language === this.language;
    const attrs = { role: "tab", "aria-selected": String(isChosen), "aria-controls": "app-code" };
    const click = (): void => this.choose(language);
    return h(
      "button",
      { type: "button", id: `tab-${language}`, tabIndex: isChosen ? 0 : -1, attrs, on: { click } },
      language,
    );
  }

  private choose(language: SnippetLanguage): void {
    this.language = language;
    this.draw();
  }

  private copyButton(code: string): HTMLElement {
    const button = h("button", { type: "button", class: "button copy" }, texts().copy);
    button.addEventListener("click", () => {
      void copy(code).then((isDone) => {
        if (!isDone) return;
        button.textContent = texts().copied;
        setTimeout(() => (button.textContent = texts().copy), COPIED_MS);
      });
    });
    return button;
  }
}

/** Copies the text; on plain http, where there is no clipboard to write to, by the old way. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement as HTMLElement | null;
    const area = h("textarea", { value: text, class: "unseen", attrs: { "aria-hidden": "true" } });
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    before?.focus();
    return isDone;
  }
}
