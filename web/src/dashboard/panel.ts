// The frame that all panels have: title, what is shown, how it can be checked, and what is known of it at the moment.
import { apiKey } from "../shared/api.js";
import { fill, h } from "../shared/dom.js";
import { time } from "../shared/format.js";
import type { Reading } from "./sources.js";
import { type View, zone } from "./view.js";

/** Where a figure comes from: the endpoint, and the statement that gives the same. */
export interface Proof {
  path: string;
  sql?: string | undefined;
}

export interface Description {
  title: string;
  line: string;
  proofs: Proof[];
  /** What is not in the figures. */
  note?: string;
}

export interface Part {
  readonly element: HTMLElement;
  /** Show what is known now. Does nothing where nothing has changed that it shows. */
  update(view: View): void;
}

export class Panel {
  readonly element: HTMLElement;
  readonly body = h("div", { class: "panel-body" });
  private readonly title: HTMLElement;
  private readonly stale = h("span", { class: "stale", hidden: true });
  private readonly about = h("span");
  private readonly proof: HTMLElement;
  private readonly toggle: HTMLButtonElement;
  private shown: unknown[] = [];
  private proofText = "";

  constructor(readonly id: string, size: "wide" | "narrow" | "third" | "half" | "full" = "third") {
    this.title = h("h2", { id: `${id}-title` });
    this.proof = h("div", { class: "proof", id: `${id}-proof`, hidden: true });
    this.toggle = h("button", {
      type: "button",
      class: "proof-toggle",
      attrs: { "aria-expanded": "false", "aria-controls": this.proof.id },
      on: { click: () => this.open(this.proof.hidden) },
    });
    this.element = h(
      "section",
      { class: `card panel ${size} loading`, id, attrs: { "aria-labelledby": this.title.id } },
      h("div", { class: "head" }, this.title, this.toggle, h("p", { class: "line" }, this.stale, this.about)),
      this.proof,
      this.body,
    );
  }

  describe({ title, line, proofs, note }: Description, view: View): void {
    this.title.textContent = title;
    this.about.textContent = line;
    const path = proofs[0]?.path.replace(/\?.*/, "");
    fill(this.toggle, path, h("span", { class: "unseen" }, `: ${view.words.proofOf(title)}`));
    const text = JSON.stringify([proofs, view.language, hasKey()]);
    if (text === this.proofText) return;
    this.proofText = text;
    fill(this.proof, note && h("p", {}, note), ...proofs.map((proof) => describeProof(proof, view)));
  }

  /** Whether any of these, or what all panels are written in, is another than the last time. */
  changed(view: View, ...inputs: unknown[]): boolean {
    const before = this.shown;
    this.shown = [view.language, view.timezone, view.currency, view.days, view.category, ...inputs];
    return this.shown.some((input, at) => input !== before[at]);
  }

  /** Say what is known: nothing yet, why it could not be read, or as of when it was, if that is not now. */
  mark<Data extends { as_of: string }>(reading: Reading<Data>, view: View): Data | undefined {
    const { data, failure } = reading;
    this.element.classList.toggle("loading", !data && !failure);
    if (failure && !data) this.say(view.words.notRead(failure.status, failure.message));
    this.markStale(failure && data ? data.as_of : undefined, view);
    return data;
  }

  markStale(asOf: string | undefined, view: View): void {
    this.stale.hidden = asOf === undefined;
    this.stale.textContent = asOf === undefined ? "" : view.words.asOf(time(asOf, zone(view)));
  }

  /** Say what is wrong, in place of figures. */
  say(sentence: string): void {
    fill(this.body, h("p", { class: "notice" }, sentence));
  }

  private open(open: boolean): void {
    this.proof.hidden = !open;
    this.toggle.setAttribute("aria-expanded", String(open));
  }
}

const hasKey = () => apiKey() !== undefined;

function describeProof({ path, sql }: Proof, view: View): HTMLElement {
  const url = `${location.origin}/api/v1${path}`;
  const title = `GET /api/v1${path}`;
  return h(
    "div",
    {},
    // A link sends no key: it would lead to a refusal.
    h("p", {}, hasKey() ? title : h("a", { href: url, target: "_blank", rel: "noreferrer" }, title)),
    h("pre", { tabIndex: 0 }, `curl -H "X-API-Key: $KEY" '${url}'`),
    sql ? h("p", {}, view.words.sameBySql) : null,
    sql ? h("pre", { class: "sql", tabIndex: 0 }, sql) : null,
  );
}

/** What stands where there is nothing to show: what will, and how to make it. */
export function nothingYet(sentence: string, command?: string): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    h("p", {}, sentence),
    command ? h("pre", { tabIndex: 0 }, command) : null,
  );
}
