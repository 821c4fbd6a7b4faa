// A chart, and the table of the same figures: one is seen, the table is always there for screen readers.
import { fill, h } from "../shared/dom.js";

export class TableSwitch {
  readonly element: HTMLElement;
  private readonly box = h("div", { class: "unseen" });
  private readonly button: HTMLButtonElement;

  constructor(
    private readonly chart: HTMLElement,
    legend: HTMLElement,
    title: string,
  ) {
    this.button = h(
      "button",
      { type: "button", class: "table-switch", attrs: { "aria-pressed": "false" }, on: { click: () => this.turn() } },
      title,
    );
    this.element = h("div", {}, h("div", { class: "switched" }, legend, this.button), chart, this.box);
  }

  /** Show this table, unless somebody is in the one that is there. */
  show(table: HTMLElement): void {
    if (this.box.contains(document.activeElement)) return;
    fill(this.box, table);
  }

  private turn(): void {
    const asTable = this.box.className === "unseen";
    this.box.className = asTable ? "" : "unseen";
    this.chart.hidden = asTable;
    this.button.setAttribute("aria-pressed", String(asTable));
  }
}
