// Where the service answers those alone who have a key: a field for it. It stays in memory.

import { apiKey, setApiKey } from "../shared/api.js";
import { fill, h } from "../shared/dom.js";
import { texts } from "./strings.js";

export class KeyForm {
  readonly element = h("section", { class: "key", hidden: true });

  constructor(private readonly given: () => void) {}

  /** Shows the field while photos wait for a key. */
  show(isNeeded: boolean): void {
    if (isNeeded && this.element.hidden) this.draw();
    this.element.hidden = !isNeeded;
  }

  draw(): void {
    const field = h("input", { id: "key", type: "password", autocomplete: "off", required: true, spellcheck: false });
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      setApiKey(field.value);
      this.element.hidden = true;
      this.given();
    };
    fill(
      this.element,
      h(
        "p",
        { class: "notice", attrs: { role: "alert" } },
        apiKey() === undefined ? texts().keyNeeded : texts().keyWrong,
      ),
      h(
        "form",
        { on: { submit } },
        h("label", { htmlFor: "key" }, texts().key),
        field,
        h("button", { type: "submit", class: "button primary" }, texts().useKey),
        h("p", { class: "small soft" }, texts().keyKept),
      ),
    );
  }
}
