// Asks for an operator's key, when the service does. It is kept by `shared/api` in memory, and nowhere else.
import { apiKey, setApiKey } from "../shared/api.js";
import { fill, h } from "../shared/dom.js";
import type { Words } from "./words.js";

/** Why the figures are not shown: no key or a wrong one (401), or not from this address (403). */
export type Refusal = 401 | 403;

export class KeyCard {
  readonly element = h("section", { class: "card key", hidden: true });

  /** `onKey` is called when one has been given. */
  constructor(private readonly onKey: () => void) {}

  show(refusal: Refusal | undefined, words: Words): void {
    const hadFocus = this.element.contains(document.activeElement);
    const given = this.element.querySelector("input")?.value ?? "";
    this.element.hidden = refusal === undefined;
    if (refusal === undefined) return fill(this.element);
    this.element.setAttribute("aria-label", words.keyTitle);
    if (refusal === 403) return fill(this.element, h("p", { class: "notice", attrs: { role: "alert" } }, words.forbidden));
    fill(this.element, h("h2", {}, words.keyTitle), h("p", { class: "soft" }, words.keyAsk), this.form(words, given));
    if (hadFocus) this.element.querySelector("input")?.focus();
  }

  private form(words: Words, given: string): HTMLElement {
    const field = h("input", { type: "password", name: "key", required: true, autocomplete: "off", value: given });
    const wrong = apiKey() === undefined ? null : h("p", { class: "notice", attrs: { role: "alert" } }, words.keyWrong);
    const send = (event: Event): void => {
      event.preventDefault();
      setApiKey(field.value);
      this.onKey();
    };
    return h(
      "form",
      { on: { submit: send } },
      h("label", {}, h("span", {}, words.keyLabel), field),
      h("button", { type: "submit", class: "button primary" }, words.keyUse),
      wrong,
    );
  }
}
