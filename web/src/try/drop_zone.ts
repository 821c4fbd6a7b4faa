// Where photos come in: drop, choose, photograph, paste.

import { fill, h } from "../shared/dom.js";
import * as format from "../shared/format.js";
import { service } from "./about.js";
import { formatNames } from "./causes.js";
import { addIntake, type Taken } from "./intake.js";
import { MOST_PHOTOS } from "./queue.js";
import { texts } from "./strings.js";

/** A finger drops nothing. */
function canDrop(): boolean {
  return !matchMedia("(hover: none)").matches;
}

export class DropZone {
  readonly element = h("section", { class: "drop" });
  private readonly choose = h("input", { type: "file", multiple: true, accept: "image/*,.heic,.heif,.avif" });
  private readonly camera = h("input", { type: "file", accept: "image/*", attrs: { capture: "environment" } });
  private readonly words = h("div", { class: "words" });
  private readonly buttons = h("div", { class: "buttons" });
  private readonly note = h("p", { class: "small trouble", attrs: { role: "alert" } });

  /** `take` returns how many of the files it has taken. */
  constructor(take: (files: File[]) => number) {
    this.element.append(this.words, this.buttons, this.note);
    addIntake(
      [this.choose, this.camera],
      (taken) => this.tell(taken, take(taken.files)),
      (is) => this.drag(is),
    );
  }

  draw(): void {
    const about = service();
    fill(
      this.words,
      h("p", { class: "strong" }, canDrop() ? texts().drop : texts().touch),
      h(
        "p",
        { class: "small soft" },
        about && texts().accepted(formatNames(about.formats), format.mebibytes(about.max_image_bytes)),
      ),
    );
    // The inputs themselves stay: the browser's dialog may be open.
    fill(
      this.buttons,
      h("label", { class: "button camera" }, texts().take, this.camera),
      h("label", { class: "button primary" }, texts().choose, this.choose),
    );
  }

  private tell({ files, leftOut }: Taken, taken: number): void {
    const all = texts();
    fill(
      this.note,
      [
        leftOut > 0 && all.leftOut(format.number(leftOut)),
        taken < files.length && all.tooMany(format.number(MOST_PHOTOS)),
      ]
        .filter(Boolean)
        .join(" "),
    );
  }

  private drag(is: boolean): void {
    this.element.classList.toggle("over", is);
  }
}
