// Tables of figures.
import { h, type Child } from "../shared/dom.js";

export interface Column {
  title: string;
  /** Figures stand at the right, below each other. */
  figure?: boolean;
  /** For the columns that a narrow screen has no place for. */
  wide?: boolean;
}

const classOf = (column: Column | undefined) => [column?.figure && "number", column?.wide && "if-wide"].filter(Boolean).join(" ");

/** A table in a box of its own, which scrolls where it is wider than the screen. */
export function table(caption: string, columns: Column[], rows: Child[][]): HTMLElement {
  return h(
    "div",
    { class: "table-box", tabIndex: 0, attrs: { role: "region", "aria-label": caption } },
    h(
      "table",
      {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col", class: classOf(column) }, column.title)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, at) => cellOf(cell, at, columns[at]))))),
    ),
  );
}

function cellOf(cell: Child, at: number, column: Column | undefined): HTMLElement {
  return at === 0
    ? h("th", { scope: "row", class: classOf(column) }, cell)
    : h("td", { class: classOf(column) }, cell);
}

/** A bar as long as its share of the longest. Its figure stands beside it. */
export function bar(share: number, kind?: string): HTMLElement {
  const width = `${Math.max(Math.min(share, 1), 0) * 100}%`;
  return h("span", { class: "bar", attrs: { "aria-hidden": "true" } }, h("span", { data: { kind }, style: { width } }));
}
