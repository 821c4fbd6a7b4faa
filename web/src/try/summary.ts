// All photos in a bar and one sentence, told aloud now and then; and the list of those that failed.

import { fill, h } from "../shared/dom.js";
import * as format from "../shared/format.js";
import { causeOf, mayHelpAgain } from "./causes.js";
import { priceOf, savedBytes } from "./money.js";
import { isSaved, type Photo } from "./photo.js";
import type { Queue } from "./queue.js";
import { texts } from "./strings.js";

const TOLD_EVERY_MS = 2_000;
const MOST_LISTED = 200;

/** What the photos come to. */
export interface Totals {
  total: number;
  done: number;
  known: Photo[];
  asked: Photo[];
  failed: number;
  bytes: number;
}

export function totalsOf(photos: Photo[]): Totals {
  const answered = photos.filter(({ answer, state }) => answer && state === "done");
  const known = answered.filter(({ answer }) => isSaved(answer!));
  const failed = photos.filter(({ state }) => state === "failed").length;
  return {
    total: photos.length,
    done: answered.length + failed,
    known,
    asked: answered.filter(({ answer }) => !isSaved(answer!)),
    failed,
    bytes: answered.reduce((sum, photo) => sum + savedBytes(photo), 0),
  };
}

/** Draws the bar, the sentence and what is said aloud. */
export class Summary {
  readonly element = h("section", { class: "summary", hidden: true });
  readonly live = h("p", { class: "unseen", attrs: { role: "status" } });
  private readonly failures = h("section", { class: "card failures", hidden: true });
  private readonly head = h("p", {});
  private readonly bar = h("div", { class: "total", attrs: { role: "progressbar", "aria-valuemin": "0" } }, h("span"));
  private readonly note = h("p", { class: "small soft" });
  private listed = "";
  private told = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly queue: Queue,
    private readonly again: (photos: Photo[]) => void,
  ) {
    this.element.append(this.head, this.bar, this.note, this.failures);
  }

  draw(): void {
    const totals = totalsOf(this.queue.photos);
    this.element.hidden = totals.total === 0;
    const [count, sentence] = [countOf(totals), sentenceOf(totals)];
    fill(this.head, h("strong", {}, count), " ", h("span", { class: "soft small" }, sentence));
    this.bar.setAttribute("aria-label", texts().progress);
    this.bar.setAttribute("aria-valuemax", String(totals.total));
    this.bar.setAttribute("aria-valuenow", String(totals.done));
    (this.bar.firstElementChild as HTMLElement).style.width = `${(100 * totals.done) / Math.max(1, totals.total)}%`;
    const waiting = format.number(totals.total - totals.done);
    const isOffline = this.queue.isOffline && totals.done < totals.total;
    this.note.className = isOffline ? "notice" : "small soft";
    fill(this.note, isOffline ? texts().offline(waiting) : this.queue.isRunning && totals.total > 1 && texts().leave);
    this.drawFailures();
    this.tell(isOffline ? texts().offline(waiting) : `${count}. ${sentence}`);
  }

  private drawFailures(): void {
    const failed = this.queue.failures;
    const helped = failed.filter(({ error }) => mayHelpAgain(error!));
    this.failures.hidden = failed.length === 0 || this.queue.photos.length === 1;
    const state = [texts().againAll, ...failed.map((photo) => photo.id)].join();
    if (this.failures.hidden || state === this.listed) return;
    this.listed = state; // drawn only when it changes: somebody may have the focus in it
    fill(
      this.failures,
      h(
        "div",
        { class: "panel-head" },
        h("h2", {}, texts().failures(format.number(failed.length))),
        helped.length > 0 &&
          h(
            "button",
            { type: "button", class: "link small", on: { click: () => this.again(helped) } },
            texts().againAll,
          ),
      ),
      h("ul", {}, ...failed.slice(0, MOST_LISTED).map(failureLine)),
    );
  }

  /** Says it aloud, at most every two seconds, and the last state for certain. */
  private tell(text: string): void {
    clearTimeout(this.timer);
    const say = (): void => {
      this.told = Date.now();
      if (this.live.textContent !== text) this.live.textContent = text;
    };
    const waitMs = this.told + TOLD_EVERY_MS - Date.now();
    if (waitMs <= 0) say();
    else this.timer = setTimeout(say, waitMs);
  }
}

function countOf({ done, total }: Totals): string {
  return texts().doneOf(format.number(done), format.number(total));
}

function sentenceOf({ known, asked, failed, bytes }: Totals): string {
  const all = texts();
  const counts = [
    known.length > 0 && all.known(format.number(known.length)),
    asked.length > 0 && all.asked(format.number(asked.length)),
    failed > 0 && all.failed(format.number(failed)),
  ].filter(Boolean);
  return [all.sentence(counts as string[]), spared(bytes, priceOf(known.length))].filter(Boolean).join(all.between);
}

function spared(bytes: number, price: string): string {
  const size = bytes > 0 ? format.bytes(bytes) : "";
  if (price === "") return size && texts().notUploaded(size);
  return texts().notSpent([size, price].filter(Boolean));
}

function failureLine(photo: Photo): HTMLElement {
  const show = (): void => document.getElementById(`photo-${photo.id}`)?.focus();
  return h(
    "li",
    {},
    h("button", { type: "button", class: "link", on: { click: show } }, photo.file.name),
    h("span", { class: "soft" }, ` ${causeOf(photo.error!)}`),
  );
}
