// The page's title, how fresh the figures are, which days they are of, and the choice of those.
import { fill, h } from "../shared/dom.js";
import { comparisonOf } from "./comparison.js";
import type { View } from "./view.js";

export const RANGES = [1, 7, 30, 90];

export class Head {
  readonly element: HTMLElement;
  private readonly title = h("h1");
  private readonly state = h("span", { class: "feed", attrs: { role: "status" } });
  private readonly basis = h("p", { class: "small soft" });
  private readonly ranges = h("div", { class: "ranges", attrs: { role: "radiogroup" } });
  private drawn = "";

  constructor(private readonly choose: (days: number) => void) {
    this.ranges.addEventListener("keydown", (event) => this.key(event));
    this.element = h("div", { class: "page-head" }, this.title, this.state, this.basis, this.ranges);
  }

  update(view: View): void {
    const { words, days } = view;
    const state = words.feed[view.feed];
    if (this.state.textContent !== state) this.state.textContent = state; // else it would be read out each second
    this.state.dataset.state = view.feed;
    const basis = view.timezone ? words.basis(view.timezone) + comparisonOf(view) : "\u00a0";
    if (this.basis.textContent !== basis) this.basis.textContent = basis;
    const drawn = [view.language, days].join();
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    this.title.textContent = words.title(days);
    const hadFocus = this.ranges.contains(document.activeElement);
    this.ranges.setAttribute("aria-label", words.rangeLabel);
    fill(this.ranges, ...RANGES.map((range) => this.button(range, range === days, words.range(range))));
    if (hadFocus) this.ranges.querySelector<HTMLElement>("[aria-checked=true]")?.focus();
  }

  private button(range: number, isChosen: boolean, text: string): HTMLElement {
    const attrs = { role: "radio", "aria-checked": String(isChosen) };
    return h("button", { type: "button", tabIndex: isChosen ? 0 : -1, attrs, on: { click: () => this.choose(range) } }, text);
  }

  private key(event: KeyboardEvent): void {
    const at = RANGES.indexOf(this.chosen());
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.choose(RANGES[(at + step + RANGES.length) % RANGES.length]!);
  }

  private chosen(): number {
    const buttons = [...this.ranges.children];
    return RANGES[buttons.findIndex((button) => button.getAttribute("aria-checked") === "true")] ?? 1;
  }
}
